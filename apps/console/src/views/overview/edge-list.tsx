import type { Edge } from '../../api/edges.ts';
import { Badge, Share } from '../../components/facts.tsx';
import { Empty } from '../../components/states.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { count } from '../../state/format.ts';
import { goneEdges } from '../../state/installation.ts';
import { href } from '../../state/router.ts';
import { EdgeState } from '../edges/edge-state.tsx';

/** Of a large installation the busiest. */
const SHOWN = 8;

const COLUMNS: readonly Column<Edge>[] = [
  {
    name: 'Edge',
    cell: ({ id }) => (
      <a href={href('edges', [id])} class="mono">
        {id}
      </a>
    ),
  },
  { name: 'State', cell: (edge) => <EdgeState edge={edge} /> },
  { name: 'Connections', numeric: true, cell: ({ connections }) => count(connections) },
  {
    name: 'Event loop',
    numeric: true,
    cell: ({ load }) => <Share value={load?.eventLoopUtilization} name="Event loop" />,
  },
];

/** The edges with the most connections, and how many have died. */
export function EdgeList({ edges }: { readonly edges: readonly Edge[] }) {
  const died = goneEdges.value.filter(({ draining }) => !draining).length;
  const rows = edges.toSorted((a, b) => b.connections - a.connections).slice(0, SHOWN);
  return (
    <>
      {died > 0 && (
        <p class="stale">
          <Badge kind="fail">Died</Badge> {died === 1 ? 'One edge' : `${died} edges`} in the last ten minutes. Clients
          connect to the others.
        </p>
      )}
      {rows.length === 0 ? (
        <Empty title="None" />
      ) : (
        <Table caption="Edges with the most connections" columns={COLUMNS} rows={rows} keyOf={({ id }) => id} />
      )}
    </>
  );
}
