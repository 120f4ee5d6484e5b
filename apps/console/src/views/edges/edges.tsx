import type { Edge } from '../../api/edges.ts';
import { Card } from '../../components/card.tsx';
import { Ago, Badge, Id, Share } from '../../components/facts.tsx';
import { Page } from '../../components/page.tsx';
import { Empty, Loading } from '../../components/states.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { bytes, count, milliseconds, rate } from '../../state/format.ts';
import { type GoneEdge, edges, goneEdges, polledAt } from '../../state/installation.ts';
import { href } from '../../state/router.ts';
import type { ViewProps } from '../view.ts';
import { EdgePage } from './edge-page.tsx';
import { DrainButton, EdgeState } from './edge-state.tsx';

/** All edges, or one of them. */
export function Edges({ rest: [id] }: ViewProps) {
  return id === undefined ? <AllEdges /> : <EdgePage id={id} />;
}

function AllEdges() {
  const live = edges.value;
  const gone = goneEdges.value;
  return (
    <Page title="Edges" about="The processes that hold connections. Each renews its lease every second.">
      <Card title={live === null ? 'Live' : `Live: ${live.length}`} flush>
        {live === null ? <Loading /> : live.length === 0 ? <NoEdge /> : <LiveEdges edges={live} />}
      </Card>
      {gone.length > 0 && (
        <Card title={`Gone: ${gone.length}`} about="Ended, or not heard of since this page was opened." flush>
          <Table caption="Edges that are gone" columns={GONE} rows={gone} keyOf={({ id }) => id} />
        </Card>
      )}
    </Page>
  );
}

function NoEdge() {
  return (
    <Empty title="No edge is alive.">
      Clients cannot connect. Start one with <code>npm run socket-edge</code>; it appears here within a second. An edge
      that runs but is not listed has no connection to Redis: its <code>/readyz</code> says why.
    </Empty>
  );
}

function LiveEdges({ edges: rows }: { readonly edges: readonly Edge[] }) {
  return <Table caption="Live edges" columns={LIVE} rows={rows} keyOf={({ id }) => id} />;
}

const NAME: Column<Edge> = {
  name: 'Edge',
  cell: ({ id, url }) => (
    <span class="two-lines">
      <a href={href('edges', [id])} class="mono">
        {id}
      </a>
      <span class="hint mono">{url}</span>
    </span>
  ),
};

const LIVE: readonly Column<Edge>[] = [
  NAME,
  { name: 'State', cell: (edge) => <EdgeState edge={edge} /> },
  {
    name: 'Connections',
    numeric: true,
    cell: ({ connections, maxConnections }) => (
      <span class="two-lines">
        <span>{count(connections)}</span>
        <span class="hint">of {count(maxConnections)}</span>
      </span>
    ),
  },
  { name: 'Deliveries/s', numeric: true, cell: ({ load }) => rate(load?.deliveriesPerSecond) },
  { name: 'Event loop', cell: ({ load }) => <Share value={load?.eventLoopUtilization} name="Event loop" /> },
  { name: 'From Redis', numeric: true, secondary: true, cell: ({ load }) => milliseconds(load?.probeLatencyMs) },
  { name: 'Memory', numeric: true, secondary: true, cell: ({ load }) => bytes(load?.rssBytes) },
  {
    name: 'Up for',
    numeric: true,
    secondary: true,
    cell: ({ startedAt }) => <Ago at={startedAt} now={polledAt.value ?? Date.now()} />,
  },
  { name: 'Actions', unnamed: true, numeric: true, cell: (edge) => <DrainButton edge={edge} /> },
];

const GONE: readonly Column<GoneEdge>[] = [
  {
    name: 'Edge',
    cell: ({ id, url }) => (
      <span class="two-lines">
        <Id>{id}</Id>
        <span class="hint mono">{url}</span>
      </span>
    ),
  },
  {
    name: 'State',
    cell: ({ draining }) => (draining ? <Badge kind="plain">Ended</Badge> : <Badge kind="fail">Died</Badge>),
  },
  { name: 'Connections it had', numeric: true, cell: ({ connections }) => count(connections) },
  {
    name: 'Gone for',
    numeric: true,
    cell: ({ lastSeen }) => <Ago at={lastSeen} now={polledAt.value ?? Date.now()} />,
  },
];
