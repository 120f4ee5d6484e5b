import type { DoctorFacts } from '../facts.ts';
import { type Finding, type Subject, fail, ok, warn } from '../finding.ts';
import type { HeldConnection, UrlProbe } from '../url-probe.ts';

/** A connection that outlives a heartbeat by so much was carried over one. */
const MARGIN = 1.2;
/** How WebSocket clients report that a connection broke (RFC 6455, section 7.1.5). */
const ABNORMAL = 1006;

const reach: Subject = {
  id: 'edge-reachable',
  why: 'Clients connect through this URL, and everything between has to pass the WebSocket upgrade on',
};
const idle: Subject = {
  id: 'balancer-idle',
  why: 'A balancer that ends connections sooner than the heartbeat comes makes every quiet client reconnect for ever',
};

/** What is between clients and edges, as seen from this control-api. */
export function checkBalancers({ urls, urlsLeftOut, held, edges }: DoctorFacts): Finding[] {
  const heartbeatOf = (url: string): number =>
    Math.max(0, ...(edges ?? []).filter((edge) => edge.url === url).map(({ facts }) => facts?.heartbeatMs ?? 0));
  return [
    ...urls.map(reachable),
    ...leftOut(urlsLeftOut),
    ...(held ?? []).map((one) => survived(one, heartbeatOf(one.url))),
  ];
}

function reachable({ url, outcome }: UrlProbe): Finding {
  if (outcome.kind === 'failed') {
    return warn(
      reach,
      url,
      `not reached from this control-api: ${outcome.reason}`,
      'When clients reach it all the same, all is well: else look at DNS, certificates and the balancer',
    );
  }
  const { status, code } = outcome;
  switch (code) {
    case 'unknown-client':
      return ok(reach, url, 'an edge answered a handshake');
    case 'too-many-handshakes':
      return warn(reach, url, 'too many handshakes were refused from our address', 'Ask again in ten seconds');
    case 'edge-draining':
    case 'edge-full':
    case 'edge-busy':
    case 'redis-unavailable':
      return warn(reach, url, `an edge answered 503 ${code}`, 'See the other checks');
    case null:
    default:
      return fail(reach, url, seenOf(status, code), adviceFor(status));
  }
}

function leftOut(count: number): Finding[] {
  if (count === 0) return [];
  const advice = 'Try a handshake through each of them yourself: GET /v1/edges names them';
  return [warn(reach, null, count === 1 ? '1 URL was not tried' : `${count} URLs were not tried`, advice)];
}

function seenOf(status: number, code: string | null): string {
  if (status === 101) return 'something took the connection of a client that does not exist: it is no edge';
  return code === null
    ? `the answer to a handshake was ${status}, and not from an edge`
    : `an edge answered ${status} ${code}`;
}

function adviceFor(status: number): string {
  if (status === 400 || status === 426) {
    return 'Have the balancer pass Upgrade and Connection on (nginx: proxy_set_header, proxy_http_version 1.1)';
  }
  if (status === 404) return 'Have the balancer pass the path on as it is, or put its prefix into EDGE_ADVERTISE_URL';
  if (status >= 500)
    return 'The balancer has no edge behind it that it takes for healthy: look at its checks (/readyz)';
  return 'See that EDGE_ADVERTISE_URL leads to the edges, and that nothing before them asks for a login';
}

function survived({ url, outcome }: HeldConnection, heartbeatMs: number): Finding {
  const heartbeat = heartbeatMs === 0 ? 'an unknown heartbeat' : `a heartbeat every ${heartbeatMs / 1000} s`;
  if (outcome.kind === 'not-held') {
    return warn(idle, url, `not measured: ${outcome.reason}`, 'See the other checks');
  }
  const seconds = (outcome.ms / 1000).toFixed(1);
  if (outcome.kind === 'closed') {
    if (outcome.code !== ABNORMAL) {
      return warn(idle, url, `the edge closed it after ${seconds} s with ${outcome.code}`, 'Ask again');
    }
    return fail(
      idle,
      url,
      `an idle connection was cut after ${seconds} s, with ${heartbeat}`,
      'Raise the idle time-out of the balancer to three heartbeats or more (HAProxy: timeout tunnel; nginx: ' +
        'proxy_read_timeout; cloud balancers: idle timeout), or lower EDGE_HEARTBEAT',
    );
  }
  const seen = `an idle connection stayed open for ${seconds} s, with ${heartbeat}`;
  if (heartbeatMs > 0 && outcome.ms >= heartbeatMs * MARGIN) return ok(idle, url, seen);
  return warn(idle, url, seen, `Measure for longer than a heartbeat: npx holdfast doctor --balancer 70s`);
}
