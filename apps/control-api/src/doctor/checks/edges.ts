import type { EdgeDetails } from '@holdfast/broker/edge-state';
import type { DoctorFacts } from '../facts.ts';
import { type Finding, type Subject, fail, ok, unknown, useOf, warn } from '../finding.ts';

/** A probe every 2 s, and 3 s for it to come back. */
const SILENT_MS = 6_000;
/** The time that every other connection of the edge waits. */
const SLOW_TURN_MS = 200;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

const subjects = {
  alive: { id: 'edges', why: 'Clients connect to edges: without one that takes connections no client can' },
  versions: { id: 'edge-versions', why: 'A rolling upgrade is fine; versions that stay different were forgotten' },
  places: { id: 'edge-places', why: 'An edge that is full refuses with 503; what dies must find places elsewhere' },
  subscriber: { id: 'edge-hearing', why: 'An edge that hears nothing of Redis delivers nothing' },
  loop: { id: 'edge-event-loop', why: 'Every connection of an edge waits for its longest turns' },
  origins: { id: 'edge-origins', why: 'A page of another site may connect with what it finds in the browser' },
  proxies: {
    id: 'edge-proxies',
    why: 'Behind a proxy that is not trusted all clients have one address: one that guesses ids blocks the others',
  },
  urls: { id: 'edge-urls', why: 'Register hands these URLs to clients, which are on other machines' },
} as const satisfies Record<string, Subject>;

/** As findings name it. */
export function edgeName({ id, load }: EdgeDetails): string {
  return load === undefined ? `edge ${id}` : `edge ${id} on ${load.host}`;
}

/** The edges, as they report themselves. */
export function checkEdges({ edges, control }: DoctorFacts): Finding[] {
  if (edges === null) return [unknown(subjects.alive, null, 'Redis does not answer', 'Bring Redis back first')];
  return [
    alive(edges),
    ...versions(edges, control.version),
    ...places(edges.filter(({ draining }) => !draining)),
    ...edges.flatMap((edge) => [
      ...subscriber(edge),
      ...loop(edge),
      ...origins(edge, control.production),
      ...proxies(edge, edges),
      url(edge, control.production),
    ]),
  ];
}

function alive(edges: readonly EdgeDetails[]): Finding {
  const draining = edges.filter((edge) => edge.draining).length;
  const seen = `${edges.length} alive, ${draining} of them draining`;
  if (edges.length === 0) return fail(subjects.alive, null, 'none is alive', 'Start a socket-edge with the same Redis');
  if (draining < edges.length) return ok(subjects.alive, null, seen);
  return fail(subjects.alive, null, seen, 'Take an edge back (npx holdfast edge undrain <id>), or start another');
}

function versions(edges: readonly EdgeDetails[], ofControl: string): Finding[] {
  if (edges.length === 0) return [];
  const found = new Set(edges.map(({ facts }) => facts?.version ?? 'of an earlier version'));
  const seen = `control-api ${ofControl}, edges ${[...found].toSorted().join(', ')}`;
  if (found.size === 1 && found.has(ofControl)) return [ok(subjects.versions, null, seen)];
  const other = edges.filter(({ facts }) => facts?.version !== ofControl).map(edgeName);
  return [warn(subjects.versions, other.join(', '), seen, 'Bring the upgrade to an end: the same version everywhere')];
}

/** @param serving those that take connections; where there is none, another check says so */
function places(serving: readonly EdgeDetails[]): Finding[] {
  if (serving.length === 0) return [];
  const sum = (of: 'connections' | 'maxConnections') => serving.reduce((total, edge) => total + edge[of], 0);
  const advice = 'Start more edges, or raise EDGE_MAX_CONNECTIONS; GET /v1/capacity says what limits first';
  return [useOf(subjects.places, null, sum('connections'), sum('maxConnections'), advice)];
}

function subscriber(edge: EdgeDetails): Finding[] {
  const silentMs = edge.load?.probeSilenceMs;
  if (silentMs === undefined) return [];
  if (silentMs <= SILENT_MS) return [ok(subjects.subscriber, edgeName(edge), 'its loopback probe comes back')];
  const seen = `nothing heard for ${Math.round(silentMs / 1000)} s`;
  const advice =
    'It replaces its connection by itself; when that does not help, look at the Redis that it names at /readyz';
  return [fail(subjects.subscriber, edgeName(edge), seen, advice)];
}

function loop(edge: EdgeDetails): Finding[] {
  const ms = edge.load?.eventLoopDelayMs;
  if (ms === undefined) return [];
  if (ms < SLOW_TURN_MS) return [ok(subjects.loop, edgeName(edge), `turns shorter than ${SLOW_TURN_MS} ms`)];
  const advice = 'Start more edges: this one has more to do than a core can, or its machine has none to give';
  return [warn(subjects.loop, edgeName(edge), `turns of ${Math.round(ms)} ms in the last second`, advice)];
}

function origins(edge: EdgeDetails, production: boolean): Finding[] {
  const set = edge.facts?.origins;
  if (set === undefined) return [];
  if (set !== 'not-set' || !production) return [ok(subjects.origins, edgeName(edge), `EDGE_ALLOWED_ORIGINS: ${set}`)];
  const advice = 'Set EDGE_ALLOWED_ORIGINS to the origins of your pages, or to * where any may connect';
  return [warn(subjects.origins, edgeName(edge), 'EDGE_ALLOWED_ORIGINS is not set: pages of any origin', advice)];
}

function proxies(edge: EdgeDetails, edges: readonly EdgeDetails[]): Finding[] {
  const trusted = edge.facts?.trustedProxies;
  if (trusted === undefined) return [];
  const where = edgeName(edge);
  const elsewhere = edges.some(({ url: other, load }) => other === edge.url && load?.host !== edge.load?.host);
  // An edge speaks no TLS itself, and two machines have no address in common.
  const proxied = edge.url.startsWith('wss:') || elsewhere;
  if (trusted || !proxied) {
    const seen = trusted ? 'EDGE_TRUSTED_PROXIES is set' : 'clients connect to it directly';
    return [ok(subjects.proxies, where, seen)];
  }
  const advice = 'Set EDGE_TRUSTED_PROXIES to the networks of the balancer, and have it send X-Forwarded-For';
  return [warn(subjects.proxies, where, `${edge.url} is that of a proxy, and none is trusted`, advice)];
}

function url(edge: EdgeDetails, production: boolean): Finding {
  const where = edgeName(edge);
  const host = URL.parse(edge.url)?.hostname ?? '';
  if (!production || !LOOPBACK.test(host)) return ok(subjects.urls, where, edge.url);
  const advice = 'Set EDGE_ADVERTISE_URL to the URL under which clients reach it';
  return warn(subjects.urls, where, `${edge.url} leads every client to its own machine`, advice);
}
