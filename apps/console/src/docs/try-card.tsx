import { useState } from 'preact/hooks';
import { Button } from '../components/button.tsx';
import { Card } from '../components/card.tsx';
import { Copy } from '../components/copy.tsx';
import { CurlLine } from '../components/curl-line.tsx';
import { Choice, Field } from '../components/field.tsx';
import { parseExactly, printed } from '../state/exact-json.ts';
import { KeyForm } from './key-card.tsx';
import { key } from './key.ts';
import { type Call, credentialsOf } from './openapi.ts';
import { bodiesOf, examplesOf, missingOf, requestOf } from './requests.ts';
import { type Tried, tryCall } from './try-call.ts';

type Outcome =
  { readonly state: 'answered'; readonly answer: Tried } | { readonly state: 'failed'; readonly why: string };

/** The call with its examples filled in: as a curl line, and to be sent from here. */
export function TryCard({ call }: { readonly call: Call }) {
  const [filled, setFilled] = useState(() => examplesOf(call));
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const request = requestOf(call, filled);
  const missing = missingOf(call, filled);
  const needsKey = credentialsOf(call).includes('API key') && !credentialsOf(call).includes('UUID in the path');
  const fault = bodyFault(filled.body);
  const lacks =
    missing.length > 0 ? `Fill in ${missing.join(', ')}` : fault !== null ? 'The body is not JSON' : undefined;

  const send = async (): Promise<void> => {
    setBusy(true);
    try {
      setOutcome({ state: 'answered', answer: await tryCall(request, key.value) });
    } catch {
      setOutcome({ state: 'failed', why: 'control-api does not answer.' });
    }
    setBusy(false);
  };

  return (
    <Card title="Try it">
      <div class="form">
        {needsKey && key.value === '' && <KeyForm />}
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault();
            if (lacks === undefined && !busy) void send();
          }}
        >
          {(call.parameters ?? []).map(({ name, in: place, required = false }) => (
            <Field
              key={name}
              label={required ? name : `${name} (optional)`}
              value={filled.parameters[name] ?? ''}
              onInput={(value) => setFilled({ ...filled, parameters: { ...filled.parameters, [name]: value } })}
              mono
              hint={place === 'header' ? 'A header' : undefined}
            />
          ))}
          {call.requestBody !== undefined && (
            <Body call={call} body={filled.body} fault={fault} onInput={(body) => setFilled({ ...filled, body })} />
          )}
          <div class="row">
            <Button type="submit" kind={call.method === 'DELETE' ? 'danger' : 'primary'} busy={busy} lacks={lacks}>
              {busy ? 'Sending' : 'Send'}
            </Button>
            {lacks !== undefined && <span class="hint">{lacks}.</span>}
          </div>
        </form>
        <div role="status">{outcome !== null && <Answer outcome={outcome} />}</div>
        <CurlLine request={request} />
      </div>
    </Card>
  );
}

interface BodyProps {
  readonly call: Call;
  readonly body: string;
  readonly fault: string | null;
  readonly onInput: (body: string) => void;
}

function Body({ call, body, fault, onInput }: BodyProps) {
  const bodies = bodiesOf(call);
  const [chosen, setChosen] = useState('0');
  return (
    <>
      {bodies.length > 1 && (
        <Choice
          label="Example"
          value={chosen}
          options={bodies.map(({ name }, index) => [String(index), name] as const)}
          onChange={(index) => {
            setChosen(index);
            onInput(bodies[Number(index)]?.text ?? '');
          }}
        />
      )}
      <Field
        label={call.requestBody?.required === true ? 'Body' : 'Body (optional)'}
        value={body}
        onInput={onInput}
        lines={Math.min(16, Math.max(4, body.split('\n').length + 1))}
        mono
        error={fault}
      />
    </>
  );
}

function Answer({ outcome }: { readonly outcome: Outcome }) {
  if (outcome.state === 'failed') return <p class="field-error">{outcome.why}</p>;
  const { status, ms, type, text } = outcome.answer;
  const shown = /json/.test(type) ? pretty(text) : text;
  return (
    <div class="answer">
      <p class="row">
        <span class={`badge plain ${status < 300 ? 'ok' : 'fail'}`}>{status}</span>
        <span class="hint">{ms} ms</span>
        {shown !== '' && <Copy text={shown} what="the answer" />}
      </p>
      {shown !== '' && (
        <pre tabIndex={0} role="region" aria-label="Answer">
          {shown}
        </pre>
      )}
    </div>
  );
}

function bodyFault(body: string): string | null {
  if (body.trim() === '') return null;
  try {
    JSON.parse(body);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : 'This is not JSON.';
  }
}

function pretty(text: string): string {
  try {
    return printed(parseExactly(text), { pretty: true });
  } catch {
    return text;
  }
}
