import { type Client, type PastConnection, listPastConnections } from '../../api/clients.ts';
import { Card } from '../../components/card.tsx';
import { Badge, Id } from '../../components/facts.tsx';
import { Answered, Empty } from '../../components/states.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { count, date, duration } from '../../state/format.ts';
import { href } from '../../state/router.ts';
import { useCall } from '../../state/use-call.ts';

const REFRESH_MS = 10_000;

/** The connections that a client had, and how each ended. */
export function PastConnections({ client: { ref } }: { readonly client: Client }) {
  const called = useCall(listPastConnections(ref), { every: REFRESH_MS });
  return (
    <Card title="Past connections" about="The last 16 of the last 24 hours" flush>
      <Answered called={called} rows={2}>
        {({ connections }) =>
          connections.length === 0 ? (
            <Empty title="No connection of it has ended in the last 24 hours." />
          ) : (
            <Table
              caption="Past connections of the client"
              columns={COLUMNS}
              rows={connections}
              keyOf={({ connection }) => connection}
            />
          )
        }
      </Answered>
    </Card>
  );
}

const REASONS: Readonly<Record<PastConnection['reason'], readonly [kind: 'plain' | 'warn' | 'fail', text: string]>> = {
  closed: ['plain', 'Closed by the client'],
  lost: ['warn', 'Lost without a close'],
  replaced: ['plain', 'Replaced by a newer one'],
  unregistered: ['plain', 'Client unregistered'],
  drained: ['plain', 'Edge drained'],
  'edge-died': ['fail', 'Edge died'],
  slow: ['fail', 'Took its messages too slowly'],
  expired: ['warn', 'Authorization ended'],
};

const COLUMNS: readonly Column<PastConnection>[] = [
  { name: 'Ended', cell: ({ to }) => date(Date.parse(to)) },
  {
    name: 'How',
    cell: ({ reason }) => {
      const [kind, text] = REASONS[reason];
      return <Badge kind={kind}>{text}</Badge>;
    },
  },
  {
    name: 'Lasted',
    numeric: true,
    cell: ({ from, to }) => duration((Date.parse(to) - Date.parse(from)) / 1000),
  },
  { name: 'Resumed', cell: ({ resumed }) => (resumed === null ? 'not known' : resumed ? 'yes' : 'no') },
  {
    name: 'Told lost',
    numeric: true,
    cell: ({ lost }) => (lost === null ? 'not known' : count(lost)),
  },
  {
    name: 'Edge',
    secondary: true,
    cell: ({ edge }) => (
      <a href={href('edges', [edge])}>
        <Id>{edge}</Id>
      </a>
    ),
  },
];
