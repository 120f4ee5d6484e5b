import type { Capacity } from '../../api/edges.ts';
import { Share } from '../../components/facts.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { bytes, count, rate } from '../../state/format.ts';

type Server = Capacity['redis'][number] & { readonly number: number };

const COLUMNS: readonly Column<Server>[] = [
  { name: 'Server', cell: ({ number }) => `Redis ${number}` },
  {
    name: 'Memory',
    numeric: true,
    cell: ({ usedBytes, maxBytes }) => (
      <span class="two-lines">
        <span>{bytes(usedBytes)}</span>
        <span class="hint">{maxBytes === null ? 'no maxmemory' : `of ${bytes(maxBytes)}`}</span>
      </span>
    ),
  },
  { name: 'CPU', numeric: true, cell: ({ cpu }) => <Share value={cpu} name="CPU" /> },
  { name: 'Commands/s', numeric: true, cell: ({ commandsPerSecond }) => rate(commandsPerSecond) },
  { name: 'Sent/s', numeric: true, cell: ({ outputBytesPerSecond }) => bytes(outputBytesPerSecond) },
  {
    name: 'Connections',
    numeric: true,
    cell: ({ connectedClients, maxClients }) => (
      <span class="two-lines">
        <span>{count(connectedClients)}</span>
        <span class="hint">of {count(maxClients)}</span>
      </span>
    ),
  },
];

/** Each Redis that holds data, as it is now. */
export function RedisTable({ servers }: { readonly servers: Capacity['redis'] }) {
  const rows = servers.map((server, index) => ({ ...server, number: index + 1 }));
  return <Table caption="Redis servers" columns={COLUMNS} rows={rows} keyOf={({ number }) => String(number)} />;
}
