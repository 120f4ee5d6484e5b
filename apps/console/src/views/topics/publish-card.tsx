import { useState } from 'preact/hooks';
import { publish } from '../../api/topics.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { CurlLine } from '../../components/curl-line.tsx';
import { Id } from '../../components/facts.tsx';
import { Field } from '../../components/field.tsx';
import { Problem } from '../../components/states.tsx';
import { mayOn } from '../../state/rights.ts';
import { useAction } from '../../state/use-action.ts';

/** Publishes a message of any JSON. */
export function PublishCard({ topic }: { readonly topic: string }) {
  const [json, setJson] = useState('{"hello":"world"}');
  const [tried, setTried] = useState(false);
  const [id, setId] = useState<string | null>(null);
  const { busy, error, run } = useAction<{ id: string }>();
  const fault = faultOf(json);
  const request = publish(topic, json);
  const send = async (): Promise<void> => {
    setTried(true);
    setId(null);
    if (fault !== null) return;
    const published = await run(request);
    if (published !== undefined) setId(published.id);
  };
  return (
    <Card title="Publish">
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <Field
          label="Message"
          value={json}
          onInput={setJson}
          lines={4}
          mono
          hint="Any JSON, up to 64 KiB. It arrives byte for byte."
          error={tried ? fault : null}
        />
        {error && <Problem error={error} />}
        <div class="row">
          <Button
            kind="primary"
            type="submit"
            busy={busy}
            lacks={mayOn('publish', topic) ? undefined : `The key has no right to publish to ${topic}`}
          >
            Publish
          </Button>
          <span role="status" class="hint">
            {id !== null && (
              <>
                Published as <Id>{id}</Id>
              </>
            )}
          </span>
        </div>
        <CurlLine request={request} />
      </form>
    </Card>
  );
}

/** Why a text is no JSON; null when it is. */
function faultOf(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return `Not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}
