import { unsubscribeClient } from '../../api/clients.ts';
import { Card } from '../../components/card.tsx';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { Badge, Id } from '../../components/facts.tsx';
import { Empty } from '../../components/states.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { toast } from '../../components/toast.tsx';
import { duration } from '../../state/format.ts';
import { knownId } from '../../state/known-ids.ts';
import { href } from '../../state/router.ts';
import { type SeenClient, type Subscription, secondsBehind, subscriptionsOf } from './served-topics.ts';
import { NEEDS_ID, SubscribeButton } from './subscribe-button.tsx';
import { HEADS } from './use-client.ts';

/** Its user's own topic, which no call names. */
const OF_USER = '@user';

interface SubscriptionsProps extends SeenClient {
  readonly onChange: () => void;
}

/** What the client is subscribed to against what its edge really serves, and how far behind that is. */
export function Subscriptions({ client, heads, onChange }: SubscriptionsProps) {
  const { ref, connected, served } = client;
  const clientId = client.clientId ?? knownId(ref);
  const rows = subscriptionsOf({ client, heads });
  const about = !connected
    ? 'It is not connected: messages wait in the histories of the topics'
    : served === null
      ? 'Its edge did not say in time what it serves'
      : 'What it is subscribed to against what its edge serves';
  const action: Column<Subscription> = {
    name: 'Actions',
    unnamed: true,
    numeric: true,
    cell: ({ topic, desired }) =>
      desired && (
        <ConfirmButton
          action="Unsubscribe"
          kind="plain"
          label={`Unsubscribe from ${topic}`}
          question={`Unsubscribe from ${topic}?`}
          request={unsubscribeClient(clientId ?? '', [topic])}
          lacks={clientId === undefined ? NEEDS_ID : undefined}
          onDone={() => {
            toast(`Unsubscribed from ${topic}`);
            onChange();
          }}
        >
          <p>Its edge stops sending messages of the topic, and tells the client so. The topic stays.</p>
        </ConfirmButton>
      ),
  };
  return (
    <Card
      title={`Subscriptions: ${client.topics.length}`}
      about={about}
      actions={<SubscribeButton clientId={clientId} onDone={onChange} />}
      flush
    >
      {rows.length === 0 ? (
        <Empty title="It is subscribed to nothing.">It gets only messages that are published to itself.</Empty>
      ) : (
        <Table
          caption="Subscriptions of the client"
          columns={[TOPIC, stateColumn(client), POSITION, BEHIND, action]}
          rows={rows}
          keyOf={({ topic }) => topic}
        />
      )}
      {client.topics.length > HEADS && <p class="stale">How far behind is asked for the first {HEADS} topics only.</p>}
    </Card>
  );
}

const TOPIC: Column<Subscription> = {
  name: 'Topic',
  cell: ({ topic }) =>
    topic === OF_USER ? (
      <span class="mono">{topic}</span>
    ) : (
      <a class="mono" href={href('topics', [topic])}>
        {topic}
      </a>
    ),
};

function stateColumn({ connected, served }: SeenClient['client']): Column<Subscription> {
  const known = connected && served !== null;
  return {
    name: 'State',
    cell: ({ desired, position, head }) => {
      if (head === null) return <Badge kind="warn">Topic is gone</Badge>;
      if (!known) return <Badge kind="plain">{connected ? 'Not known' : 'Waits'}</Badge>;
      if (position === null) return <Badge kind="warn">Not served yet</Badge>;
      return desired || head === undefined ? <Badge kind="ok">Served</Badge> : <Badge kind="warn">Ends</Badge>;
    },
  };
}

const POSITION: Column<Subscription> = {
  name: 'Position',
  cell: ({ position }) => position !== null && <Id>{position}</Id>,
};

const BEHIND: Column<Subscription> = {
  name: 'Behind',
  numeric: true,
  cell: (subscription) => {
    const seconds = secondsBehind(subscription);
    if (seconds === null) return null;
    if (seconds === 0) return <span class="hint">up to date</span>;
    return seconds < 1 ? 'under 1 s' : duration(seconds);
  },
};
