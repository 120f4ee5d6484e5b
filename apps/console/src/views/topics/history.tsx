import { useState } from 'preact/hooks';
import { readLog } from '../../api/topics.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { CurlLine } from '../../components/curl-line.tsx';
import { Choice } from '../../components/field.tsx';
import { Answered, Empty } from '../../components/states.tsx';
import { parseExactly } from '../../state/exact-json.ts';
import { count } from '../../state/format.ts';
import { mayOn } from '../../state/rights.ts';
import { useCall } from '../../state/use-call.ts';
import { MessageList } from './message-list.tsx';

const PAGE = 50;

const STARTS = [
  ['', 'The oldest kept'],
  ['60', 'A minute ago'],
  ['300', 'Five minutes ago'],
  ['3600', 'An hour ago'],
  ['86400', 'A day ago'],
] as const;
type Start = (typeof STARTS)[number][0];

/** The log of a topic, page by page, oldest first. */
export function History({ topic }: { readonly topic: string }) {
  const [start, setStart] = useState<Start>('');
  // Where the pages shown before this one began: the log is read forwards only.
  const [afters, setAfters] = useState<readonly (string | undefined)[]>([undefined]);
  const after = afters.at(-1);
  const allowed = mayOn('subscribe', topic) || mayOn('publish', topic);
  const request = readLog(topic, after, PAGE);
  const called = useCall(allowed ? request : null, { parse: parseExactly });
  const begin = (seconds: Start): void => {
    setStart(seconds);
    setAfters([seconds === '' ? undefined : `${Date.now() - Number(seconds) * 1000}-0`]);
  };
  if (!allowed) {
    return (
      <Card title="History">
        <Empty title="This key may not read the history.">
          It needs the topic in <code>"subscribe"</code> or <code>"publish"</code> of its rights.
        </Empty>
      </Card>
    );
  }
  const { data } = called;
  const last = data?.messages.at(-1)?.id;
  return (
    <Card
      title="History"
      about="Oldest first"
      flush
      actions={<Choice label="From" value={start} options={STARTS} onChange={begin} inline />}
    >
      <Answered called={called} rows={8}>
        {({ messages, complete, more }) => (
          <>
            {!complete && afters[0] !== undefined && (
              <p class="stale">
                Older messages than asked for are gone: the history keeps no more than its settings say.
              </p>
            )}
            {messages.length === 0 ? (
              <Empty title={afters.length > 1 ? 'No further message.' : 'No message is kept.'}>
                {start === ''
                  ? 'Nothing was published, or the history has let it go: settings say how many messages are kept, and how long.'
                  : 'Nothing was published since then.'}
              </Empty>
            ) : (
              <MessageList label={`Messages of ${topic}`} messages={messages} />
            )}
            <div class="pager">
              <span class="hint">
                Page {afters.length}: {count(messages.length)} messages
              </span>
              <Button disabled={afters.length === 1} onClick={() => setAfters(afters.slice(0, -1))}>
                Older
              </Button>
              <Button disabled={!more && messages.length < PAGE} onClick={() => setAfters([...afters, last ?? after])}>
                Newer
              </Button>
              <Button kind="quiet" onClick={called.reload}>
                Reload
              </Button>
            </div>
          </>
        )}
      </Answered>
      <CurlLine request={request} />
    </Card>
  );
}
