import type { Edge } from '../../api/edges.ts';
import { Card } from '../../components/card.tsx';
import { Ago, Facts, Id, Share } from '../../components/facts.tsx';
import { Page } from '../../components/page.tsx';
import { Empty, Loading } from '../../components/states.tsx';
import { Trend } from '../../components/trend.tsx';
import { UNKNOWN, bytes, count, duration, milliseconds, rate } from '../../state/format.ts';
import { edges, goneEdges, polledAt, samplesOf } from '../../state/installation.ts';
import { href } from '../../state/router.ts';
import { DrainButton, EdgeState } from './edge-state.tsx';

const ABOVE = { title: 'Edges', href: href('edges') };

/** One edge: what it does, what it is, and its course since this page was opened. */
export function EdgePage({ id }: { readonly id: string }) {
  const live = edges.value;
  const edge = live?.find((known) => known.id === id);
  const samples = samplesOf(id);
  if (edge === undefined || samples === undefined) {
    return (
      <Page title={id} above={ABOVE}>
        <Card title="State">{live === null ? <Loading /> : <Gone id={id} />}</Card>
      </Page>
    );
  }
  return (
    <Page title={id} above={ABOVE} about={<span class="mono">{edge.url}</span>} actions={<DrainButton edge={edge} />}>
      <div class="trends">
        <Trend
          title="Connections"
          about="Held now"
          samples={samples}
          series={[['connections', 'connections']]}
          format={count}
          whole
        />
        <Trend
          title="Deliveries"
          about="Messages a second"
          samples={samples}
          series={[
            ['deliveries', 'to connections'],
            ['publishes', 'from Redis'],
          ]}
          format={rate}
        />
        <Trend
          title="Lag"
          about="Highest"
          samples={samples}
          series={[
            ['probe', 'Redis'],
            ['eventLoop', 'event loop'],
          ]}
          format={milliseconds}
        />
      </div>
      <Card title="Now">
        <Facts facts={nowOf(edge)} />
      </Card>
      <Card title="Process">
        <Facts facts={processOf(edge)} />
      </Card>
    </Page>
  );
}

function nowOf(edge: Edge) {
  const { connections, maxConnections, load } = edge;
  return [
    ['State', <EdgeState key="state" edge={edge} />],
    ['Connections', `${count(connections)} of ${count(maxConnections)}`],
    ['Event loop', <Share key="loop" value={load?.eventLoopUtilization} name="Event loop" />],
    ['CPU', load ? `${rate(load.cpu)} of ${load.cores} cores` : UNKNOWN],
    ['Memory', `${bytes(load?.rssBytes)}, ${bytes(load?.availableBytes)} left`],
    ['Sent to connections', load?.bytesPerSecond === undefined ? UNKNOWN : `${bytes(load.bytesPerSecond)}/s`],
    ['Handshakes', `${rate(load?.handshakesPerSecond)}/s`],
    ['Refused since its start', count(load?.refusals)],
    ['Losses announced since its start', count(load?.lostAnnounced)],
    [
      'Last probe from Redis',
      load?.probeSilenceMs === undefined ? UNKNOWN : `${milliseconds(load.probeSilenceMs)} ago`,
    ],
  ] as const;
}

function processOf(edge: Edge) {
  const { startedAt, version, pid, worker, maxOpenFiles, load } = edge;
  return [
    ['Up for', <Ago key="up" at={startedAt} now={polledAt.value ?? Date.now()} />],
    ['Version', version ?? UNKNOWN],
    ['Host', load ? <Id key="host">{load.host}</Id> : UNKNOWN],
    ['Process', pid === undefined ? UNKNOWN : `${pid}${worker ? ', shares its port' : ''}`],
    ['Open files', `${count(load?.openFiles)} of ${count(maxOpenFiles)}`],
    ['Clock against Redis', milliseconds(load?.clockDifferenceMs)],
  ] as const;
}

function Gone({ id }: { readonly id: string }) {
  const known = goneEdges.value.find((edge) => edge.id === id);
  return (
    <Empty title="This edge is not alive." action={<a href={href('edges')}>All edges</a>}>
      {known === undefined
        ? 'No live edge has this id. Each start of a process has an id of its own.'
        : `It was listed for the last time ${duration((Date.now() - known.lastSeen) / 1000)} ago, with ${count(known.connections)} connections. Their clients connect to other edges and resume.`}
    </Empty>
  );
}
