import { type Webhook, listWebhooks } from '../../api/webhooks.ts';
import { Card } from '../../components/card.tsx';
import { Ago } from '../../components/facts.tsx';
import { Page } from '../../components/page.tsx';
import { Answered, Empty } from '../../components/states.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { count } from '../../state/format.ts';
import { href } from '../../state/router.ts';
import { useCall } from '../../state/use-call.ts';
import type { ViewProps } from '../view.ts';
import { WebhookPage } from './webhook-page.tsx';
import { Lag, REFRESH_MS, WebhookState } from './webhook-state.tsx';

/** All endpoints of webhooks, or one of them. */
export function Webhooks({ rest: [id] }: ViewProps) {
  return id === undefined ? <AllWebhooks /> : <WebhookPage key={id} id={id} />;
}

function AllWebhooks() {
  const called = useCall(listWebhooks(), { every: REFRESH_MS });
  return (
    <Page title="Webhooks" about="Events for backends: each at least once, and in order for a client and a topic.">
      <Card title="Endpoints" flush>
        <Answered called={called}>
          {({ webhooks }) =>
            webhooks.length === 0 ? (
              <NoWebhooks />
            ) : (
              <Table caption="Endpoints of webhooks" columns={COLUMNS} rows={webhooks} keyOf={({ id }) => id} />
            )
          }
        </Answered>
      </Card>
    </Page>
  );
}

const EXAMPLE = `{"endpoints": [{
  "id": "backend",
  "url": "https://backend.example/holdfast",
  "secret": "whsec_…",
  "types": ["client.*", "topic.*"]
}]}`;

function NoWebhooks() {
  return (
    <Empty title="No endpoint is configured, and no event is written.">
      <p>
        Name a file in <code>WEBHOOKS_FILE</code> of every control-api, and start them again. Changes of the file count
        at once.
      </p>
      <pre class="example" tabIndex={0}>
        {EXAMPLE}
      </pre>
    </Empty>
  );
}

const COLUMNS: readonly Column<Webhook>[] = [
  {
    name: 'Endpoint',
    cell: ({ id, url }) => (
      <span class="two-lines">
        <a href={href('webhooks', [id])}>{id}</a>
        <span class="hint mono">{url}</span>
      </span>
    ),
  },
  { name: 'State', cell: (webhook) => <WebhookState webhook={webhook} /> },
  { name: 'Oldest event that waits', numeric: true, cell: (webhook) => <Lag webhook={webhook} /> },
  { name: 'Delivered', numeric: true, cell: ({ delivered }) => count(delivered) },
  { name: 'Dropped', numeric: true, cell: ({ dropped }) => count(dropped) },
  {
    name: 'Last delivery',
    numeric: true,
    cell: ({ lastDeliveredAt: at }) =>
      at === null ? (
        <span class="hint">none yet</span>
      ) : (
        <span>
          <Ago at={at} /> ago
        </span>
      ),
  },
];
