import { useState } from 'preact/hooks';
import { type TestAnswer, type Webhook, enableWebhook, listWebhooks, testWebhook } from '../../api/webhooks.ts';
import { Card } from '../../components/card.tsx';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { Ago, Badge, type Fact, Facts } from '../../components/facts.tsx';
import { Page } from '../../components/page.tsx';
import { Answered, Empty } from '../../components/states.tsx';
import { toast } from '../../components/toast.tsx';
import { UNKNOWN, count, date, milliseconds } from '../../state/format.ts';
import { href } from '../../state/router.ts';
import { useCall } from '../../state/use-call.ts';
import { ReplayButton } from './replay-button.tsx';
import { Lag, REFRESH_MS, WebhookState, meaningOf, outcomeText } from './webhook-state.tsx';

const ABOVE = { title: 'Webhooks', href: href('webhooks') };

/** One endpoint: how it does, and trying, repeating and enabling it. */
export function WebhookPage({ id }: { readonly id: string }) {
  const called = useCall(listWebhooks(), { every: REFRESH_MS });
  const [tested, setTested] = useState<TestAnswer | null>(null);
  const webhook = called.data?.webhooks.find((known) => known.id === id);
  return (
    <Page
      title={id}
      above={ABOVE}
      about={webhook && <span class="mono">{webhook.url}</span>}
      actions={webhook && <Actions webhook={webhook} onTested={setTested} onChange={called.reload} />}
    >
      {tested && <TestResult answer={tested} />}
      <Answered called={called} rows={6}>
        {() => (webhook === undefined ? <Missing id={id} /> : <Details webhook={webhook} />)}
      </Answered>
    </Page>
  );
}

interface ActionsProps {
  readonly webhook: Webhook;
  readonly onTested: (answer: TestAnswer) => void;
  readonly onChange: () => void;
}

function Actions({ webhook: { id, format, state }, onTested, onChange }: ActionsProps) {
  return (
    <>
      <ConfirmButton
        action="Send a test"
        kind="plain"
        question={`Send a test to ${id}?`}
        request={testWebhook(id)}
        onDone={onTested}
      >
        <p>
          {format === 'pusher' ? (
            'A request without events'
          ) : (
            <>
              One event of type <code>webhook.test</code>
            </>
          )}
          , signed as all are, out of turn: what waits for the endpoint is not moved. Its answer is shown here.
        </p>
      </ConfirmButton>
      <ReplayButton id={id} onDone={onChange} />
      {state === 'disabled' && (
        <ConfirmButton
          action="Enable"
          kind="plain"
          question={`Enable ${id}?`}
          request={enableWebhook(id)}
          onDone={() => {
            toast(`${id} is enabled`);
            onChange();
          }}
        >
          <p>Events are delivered again, beginning with the oldest that waits.</p>
        </ConfirmButton>
      )}
    </>
  );
}

function Details({ webhook }: { readonly webhook: Webhook }) {
  const { types, batch, delivered, dropped, lastDeliveredAt, lastError } = webhook;
  return (
    <>
      <Card title="State">
        <div class="stack">
          <p>
            <WebhookState webhook={webhook} /> {meaningOf(webhook)}
          </p>
          <Facts
            facts={[
              ['Oldest event that waits', <Lag key="lag" webhook={webhook} />],
              ['Delivered', count(delivered)],
              ['Dropped', dropped > 0 ? <Badge kind="fail">{count(dropped)}</Badge> : count(dropped)],
              ['Last delivery', lastDeliveredAt === null ? UNKNOWN : date(Date.parse(lastDeliveredAt))],
            ]}
          />
          {dropped > 0 && (
            <p class="hint">
              Dropped events are lost to this endpoint: they were more than the buffer holds, or Redis lost them before
              they were delivered. Read the present state with the API.
            </p>
          )}
        </div>
      </Card>
      <div class="halves">
        <Card title="Last error">
          {lastError === null ? (
            <Empty title="No try has failed." />
          ) : (
            <div class="stack">
              <p class="strong">{outcomeText(lastError.outcome, lastError.status)}</p>
              <pre tabIndex={0}>{lastError.message}</pre>
              <p class="hint">
                <Ago at={lastError.at} /> ago, at {date(Date.parse(lastError.at))}
              </p>
            </div>
          )}
        </Card>
        <Card title="Gets" about="As its entry in WEBHOOKS_FILE says">
          <Facts
            facts={[
              ['Types', <Codes key="types" texts={types} />],
              ...sourceOf(webhook),
              ['Deliveries', batch === null ? 'one for each event' : `up to ${batch.size} events, of ${batch.ms} ms`],
            ]}
          />
        </Card>
      </div>
    </>
  );
}

/** What the events are of, and what its requests look like. */
function sourceOf({ format, app, topics }: Webhook): Fact[] {
  if (format === 'pusher') {
    return [
      [
        'Channels',
        <>
          those of the app <code>{app}</code>
        </>,
      ],
      ['Format', 'Pusher'],
    ];
  }
  return [
    ['Topics', topics === null ? 'all' : <Codes key="topics" texts={topics} />],
    ['Format', 'Standard Webhooks'],
  ];
}

function Codes({ texts }: { readonly texts: readonly string[] }) {
  return (
    <ul class="patterns">
      {texts.map((text) => (
        <li key={text}>
          <code>{text}</code>
        </li>
      ))}
    </ul>
  );
}

/** What the endpoint said to the test. */
function TestResult({ answer: { outcome, status, body, message, ms } }: { readonly answer: TestAnswer }) {
  const ok = outcome === 'delivered';
  return (
    <Card title="Answer to the test" about={`After ${milliseconds(ms)}`}>
      <div class="stack" role="status">
        <p>
          <Badge kind={ok ? 'ok' : 'fail'}>{outcomeText(outcome, status)}</Badge>
        </p>
        {message !== null && <p>{message}</p>}
        {body !== null && (body === '' ? <p class="hint">Its body was empty.</p> : <pre tabIndex={0}>{body}</pre>)}
      </div>
    </Card>
  );
}

function Missing({ id }: { readonly id: string }) {
  return (
    <Card title="State">
      <Empty title={`There is no endpoint ${id}.`} action={<a href={href('webhooks')}>All endpoints</a>}>
        It may have been taken out of <code>WEBHOOKS_FILE</code>.
      </Empty>
    </Card>
  );
}
