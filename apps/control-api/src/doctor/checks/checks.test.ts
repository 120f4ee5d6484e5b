import { describe, expect, it } from 'vitest';
import { goodEdge, goodFacts, goodServer, goodSystem } from '../../testing/doctor-facts.ts';
import type { DoctorFacts } from '../facts.ts';
import { allChecks } from './all.ts';

type Changes = Partial<DoctorFacts>;
type Row = readonly [what: string, changes: Changes, id: string, status: 'ok' | 'warn' | 'fail', seen: RegExp];

const control = (changes: Partial<DoctorFacts['control']>): Changes => ({
  control: { ...goodFacts().control, ...changes },
});
const redis = (...servers: DoctorFacts['redis']['servers']): Changes => ({ redis: { ...goodFacts().redis, servers } });
const ofKind = (kind: 'cluster' | 'sentinel', changes: Partial<DoctorFacts['redis']>): Changes => ({
  redis: { ...goodFacts().redis, kind, ...changes },
});
const info = (fields: Record<string, string>) => redis(goodServer(fields));
const config = (fields: Record<string, string>) => redis(goodServer({}, fields));
const edge = (...given: Parameters<typeof goodEdge>): Changes => ({ edges: [goodEdge(...given)] });
const system = (changes: Parameters<typeof goodSystem>[0]): Changes => ({
  ...control({ system: goodSystem(changes) }),
  ...edge({}, {}, { system: goodSystem(changes) }),
});
const answer = (status: number, code: string | null): Changes => ({
  urls: [{ url: 'wss://push.example.com', outcome: { kind: 'answered', status, code } }],
});
const url = 'wss://push.example.com';
const refused = { refused: "NOPERM User holdfast has no permissions to run the 'info' command" };
const clusterInfo = (changes: Record<string, string> = {}) => ({
  cluster: {
    value: new Map(
      Object.entries({
        cluster_state: 'ok',
        cluster_slots_assigned: '16384',
        cluster_slots_fail: '0',
        cluster_slots_pfail: '0',
        ...changes,
      }),
    ),
  },
});
const sentinel = (address: string, quorum: { value: string } | { refused: string }) => ({ address, quorum });
const three = ['a:1', 'b:1', 'c:1'].map((address) => sentinel(address, { value: 'OK 3 usable Sentinels' }));

const ROWS: Row[] = [
  // Redis, its servers.
  ['an old Redis', info({ redis_version: '6.2.20' }), 'redis-version', 'fail', /redis 6\.2\.20/],
  ['one with a known fault', info({ redis_version: '7.2.10' }), 'redis-version', 'warn', /CVE-2025-49844.*https:/],
  ['a fixed one', info({ redis_version: '7.2.11' }), 'redis-version', 'ok', /redis 7\.2\.11/],
  [
    'a Valkey, which says another version of Redis',
    info({ redis_version: '7.2.4', valkey_version: '9.1.1' }),
    'redis-version',
    'ok',
    /valkey 9\.1\.1/,
  ],
  [
    'one without scripts',
    redis(goodServer({}, {}, { scriptFault: 'ERR unknown command' })),
    'redis-scripts',
    'fail',
    /ERR unknown/,
  ],
  ['one that evicts', info({ maxmemory_policy: 'allkeys-lru' }), 'redis-eviction', 'fail', /allkeys-lru.*1000000000/],
  [
    'one that would evict',
    info({ maxmemory_policy: 'volatile-lru', maxmemory: '0' }),
    'redis-eviction',
    'warn',
    /not set/,
  ],
  ['one that is nearly full', info({ used_memory: '900000000' }), 'redis-memory', 'warn', /858 of 954 \(90 %\)/],
  ['one that is full', info({ used_memory: '990000000' }), 'redis-memory', 'fail', /99 %/],
  [
    'one that fills its machine',
    info({ maxmemory: '0', used_memory: '7900000000' }),
    'redis-memory',
    'fail',
    /7534 of 7629/,
  ],
  ['a disk that is full', info({ aof_last_write_status: 'err' }), 'redis-persistence', 'fail', /aof_last_write_status/],
  ['a snapshot that failed', info({ rdb_last_bgsave_status: 'err' }), 'redis-persistence', 'fail', /rdb_last/],
  ['only snapshots', info({ aof_enabled: '0' }), 'redis-persistence', 'warn', /snapshots only \(save 3600 1\)/],
  [
    'nothing on disk',
    redis(goodServer({ aof_enabled: '0' }, { save: '' })),
    'redis-persistence',
    'warn',
    /nothing is written/,
  ],
  ['a disk that is not waited for', config({ appendfsync: 'no' }), 'redis-persistence', 'warn', /appendfsync no/],
  ['too many clients', info({ connected_clients: '9000' }), 'redis-clients', 'warn', /9000 of 10000/],
  [
    'the buffer of pub/sub as it is by default',
    config({ 'client-output-buffer-limit': 'normal 0 0 0 pubsub 33554432 8388608 60' }),
    'redis-pubsub-buffer',
    'warn',
    /pubsub 32mb 8mb 60/,
  ],
  [
    'one without a bound',
    config({ 'client-output-buffer-limit': 'normal 0 0 0 pubsub 0 0 0' }),
    'redis-pubsub-buffer',
    'ok',
    /unlimited/,
  ],
  ['no keyspace events', config({ 'notify-keyspace-events': '' }), 'redis-keyspace-events', 'warn', /none/],
  ['others only', config({ 'notify-keyspace-events': 'Ex' }), 'redis-keyspace-events', 'warn', /only Ex/],
  ['all of them', config({ 'notify-keyspace-events': 'AKE' }), 'redis-keyspace-events', 'ok', /AKE/],
  [
    'a Redis that is far away',
    redis(goodServer({}, {}, { clock: { value: { aheadMs: 0, roundTripMs: 12.34 } } })),
    'redis-round-trip',
    'warn',
    /12\.3 ms/,
  ],
  ['INFO not permitted', redis(goodServer({}, {}, { info: refused })), 'redis-version', 'warn', /NOPERM/],
  [
    'INFO not permitted, as to memory',
    redis(goodServer({}, {}, { info: refused })),
    'redis-eviction',
    'warn',
    /NOPERM/,
  ],
  ['CONFIG not permitted', redis(goodServer({}, {}, { config: refused })), 'redis-pubsub-buffer', 'warn', /NOPERM/],
  // Redis as a whole.
  [
    'a Redis that is away',
    { redis: { ...goodFacts().redis, fault: 'ECONNREFUSED', servers: [] }, edges: null },
    'redis-reachable',
    'fail',
    /ECONNREFUSED/,
  ],
  ['one that takes no writes', { writeFault: 'READONLY' }, 'redis-reachable', 'fail', /READONLY/],
  ['a Redis alone in production', info({ connected_slaves: '0' }), 'redis-replicas', 'warn', /0 replicas/],
  [
    'a Redis alone on a desk',
    { ...info({ connected_slaves: '0' }), ...control({ production: false }) },
    'redis-replicas',
    'ok',
    /0 replicas/,
  ],
  [
    'a master that goes on alone',
    config({ 'min-replicas-to-write': '0' }),
    'redis-replicas',
    'warn',
    /min-replicas-to-write is 0/,
  ],
  [
    'a Cluster that is covered',
    ofKind('cluster', { servers: [goodServer({}, {}, clusterInfo())] }),
    'cluster-coverage',
    'ok',
    /16384 of 16384/,
  ],
  [
    'slots without a master',
    ofKind('cluster', { servers: [goodServer({}, {}, clusterInfo({ cluster_slots_assigned: '16000' }))] }),
    'cluster-coverage',
    'fail',
    /16000 of 16384/,
  ],
  [
    'a Cluster that is down',
    ofKind('cluster', { servers: [goodServer({}, {}, clusterInfo({ cluster_state: 'fail' }))] }),
    'cluster-coverage',
    'fail',
    /state fail/,
  ],
  [
    'a node in doubt',
    ofKind('cluster', { servers: [goodServer({}, {}, clusterInfo({ cluster_slots_pfail: '5461' }))] }),
    'cluster-coverage',
    'warn',
    /5461 in doubt/,
  ],
  ['Sentinels with a quorum', ofKind('sentinel', { sentinels: three }), 'sentinel-quorum', 'ok', /3 usable/],
  ['too few Sentinels', ofKind('sentinel', { sentinels: three.slice(1) }), 'sentinel-quorum', 'warn', /2 Sentinels/],
  [
    'no quorum',
    ofKind('sentinel', { sentinels: [...three, sentinel('d:1', { refused: 'NOQUORUM 1 usable' })] }),
    'sentinel-quorum',
    'fail',
    /NOQUORUM/,
  ],
  [
    'a Sentinel that is away',
    ofKind('sentinel', { sentinels: [...three, sentinel('d:1', { refused: 'ECONNREFUSED' })] }),
    'sentinel-quorum',
    'warn',
    /could not be asked: ECONNREFUSED/,
  ],
  ...['NOAUTH Authentication required.', "NOPERM User default has no permissions to run the 'sentinel' command"].map(
    (refusal): Row => [
      `a Sentinel that answers ${refusal}`,
      ofKind('sentinel', { sentinels: [...three, sentinel('d:1', { refused: refusal })] }),
      'sentinel-quorum',
      'warn',
      /could not be asked: NO/,
    ],
  ),
  // Edges.
  ['no edge', { edges: [], urls: [] }, 'edges', 'fail', /none is alive/],
  ['all edges draining', edge({ draining: true }), 'edges', 'fail', /1 alive, 1 of them/],
  ['one of two draining', { edges: [goodEdge(), goodEdge({ draining: true })] }, 'edges', 'ok', /2 alive, 1 of them/],
  ['edges that cannot be asked for', { edges: null }, 'edges', 'warn', /could not be asked/],
  ['an edge of another version', edge({}, {}, { version: '0.9.0' }), 'edge-versions', 'warn', /1\.0\.0, edges 0\.9\.0/],
  [
    'two versions of edges',
    { edges: [goodEdge(), goodEdge({}, {}, { version: '1.1.0' })] },
    'edge-versions',
    'warn',
    /edges 1\.0\.0, 1\.1\.0/,
  ],
  ['edges that are nearly full', edge({ connections: 85_000 }), 'edge-places', 'warn', /85000 of 100000/],
  ['an edge that hears nothing', edge({}, { probeSilenceMs: 9000 }), 'edge-hearing', 'fail', /9 s/],
  ['an edge that is busy', edge({}, { eventLoopDelayMs: 350 }), 'edge-event-loop', 'warn', /350 ms/],
  ['origins that are not set', edge({}, {}, { origins: 'not-set' }), 'edge-origins', 'warn', /not set/],
  ['origins that are any', edge({}, {}, { origins: 'any' }), 'edge-origins', 'ok', /any/],
  [
    'origins that are not set on a desk',
    { ...edge({}, {}, { origins: 'not-set' }), ...control({ production: false }) },
    'edge-origins',
    'ok',
    /not-set/,
  ],
  [
    'TLS before an edge, and no proxy trusted',
    edge({}, {}, { trustedProxies: false }),
    'edge-proxies',
    'warn',
    /proxy/,
  ],
  [
    'one URL of two hosts, and no proxy trusted',
    {
      edges: ['a', 'b'].map((host) => goodEdge({ url: 'ws://p', id: host }, { host }, { trustedProxies: false })),
    },
    'edge-proxies',
    'warn',
    /ws:\/\/p/,
  ],
  [
    'workers of one host',
    { edges: ['1', '2'].map((id) => goodEdge({ url: 'ws://p', id }, {}, { trustedProxies: false })) },
    'edge-proxies',
    'ok',
    /directly/,
  ],
  ['a URL of this machine', edge({ url: 'ws://127.0.0.1:7701' }), 'edge-urls', 'warn', /own machine/],
  [
    'an edge that reports less',
    { edges: [goodEdge(), (({ facts: _facts, ...old }) => old)(goodEdge())] },
    'edge-reports',
    'warn',
    /^not reported: origins, trusted proxies, machine$/,
  ],
  // The way there.
  ['a URL that edges answer', {}, 'edge-reachable', 'ok', /an edge answered/],
  ['a balancer that takes Upgrade away', answer(426, 'upgrade-required'), 'edge-reachable', 'fail', /426/],
  ['a balancer without edges', answer(503, null), 'edge-reachable', 'fail', /503, and not from an edge/],
  ['a prefix that is not known', answer(404, null), 'edge-reachable', 'fail', /404/],
  ['a login before it', answer(302, null), 'edge-reachable', 'fail', /302/],
  ['something else that speaks WebSocket', answer(101, null), 'edge-reachable', 'fail', /no edge/],
  ['an edge that drains', answer(503, 'edge-draining'), 'edge-reachable', 'warn', /edge-draining/],
  ['our address blocked', answer(429, 'too-many-handshakes'), 'edge-reachable', 'warn', /from our address/],
  [
    'a URL that leads nowhere from here',
    { urls: [{ url, outcome: { kind: 'failed', reason: 'ENOTFOUND' } }] },
    'edge-reachable',
    'warn',
    /ENOTFOUND/,
  ],
  ['more URLs than are tried', { urlsLeftOut: 3 }, 'edge-reachable', 'warn', /3 URLs were not tried/],
  [
    'a balancer that cuts',
    { held: [{ url, outcome: { kind: 'closed', ms: 20_000, code: 1006 } }] },
    'balancer-idle',
    'fail',
    /cut after 20\.0 s, with a heartbeat every 25 s/,
  ],
  [
    'a balancer that does not',
    { held: [{ url, outcome: { kind: 'open', ms: 40_000 } }] },
    'balancer-idle',
    'ok',
    /40\.0 s/,
  ],
  [
    'a measurement shorter than the heartbeat',
    { held: [{ url, outcome: { kind: 'open', ms: 10_000 } }] },
    'balancer-idle',
    'warn',
    /10\.0 s/,
  ],
  [
    'an edge that restarted meanwhile',
    { held: [{ url, outcome: { kind: 'closed', ms: 5, code: 1012 } }] },
    'balancer-idle',
    'warn',
    /1012/,
  ],
  [
    'nothing to measure with',
    { held: [{ url, outcome: { kind: 'not-held', reason: 'no right' } }] },
    'balancer-idle',
    'warn',
    /no right/,
  ],
  // Clocks and machines.
  ['an edge whose clock is off', edge({}, { clockDifferenceMs: -1500 }), 'clocks', 'warn', /1500 ms behind/],
  ['an edge whose clock is far off', edge({}, { clockDifferenceMs: 60_000 }), 'clocks', 'fail', /60000 ms ahead/],
  [
    'a Redis whose clock is off',
    redis(goodServer({}, {}, { clock: { value: { aheadMs: 2000, roundTripMs: 1 } } })),
    'clocks',
    'warn',
    /2000 ms behind/,
  ],
  ['few descriptors left', edge({}, { openFiles: 1_000_000 }), 'open-files', 'fail', /1000000 of 1048576/],
  [
    'a limit that is not reported',
    edge({}, {}, { system: goodSystem({ maxOpenFiles: null }) }),
    'open-files',
    'warn',
    /could not be asked/,
  ],
  ['a short queue', system({ somaxconn: 128 }), 'somaxconn', 'warn', /128/],
  ['sockets without memory', system({ tcpMemoryBytes: 960_000_000 }), 'tcp-memory', 'fail', /916 of 954/],
  ['a container', system({ tcpMemoryLimitBytes: null }), 'tcp-memory', 'warn', /container/],
  ['a table of connections that is full', system({ conntrackCount: 990_000 }), 'conntrack', 'fail', /99 %/],
  ['one that is too small', system({ conntrackMax: 65_536 }), 'conntrack', 'warn', /may hold 100000/],
  ['no such table', system({ conntrackMax: null, conntrackCount: null }), 'conntrack', 'ok', /not tracked/],
  ['few ports', system({ firstLocalPort: 50_000 }), 'local-ports', 'warn', /11000 ports/],
  ['another system', system({ platform: 'darwin' }), 'somaxconn', 'warn', /darwin/],
  // This control-api.
  ['any origin in production', control({ allowedOrigins: ['*'] }), 'control-origins', 'warn', /\*/],
  ['no origin', control({ allowedOrigins: undefined }), 'control-origins', 'ok', /no other/],
  ['a change of keys that is under way', control({ keysFileLockedSeconds: 1 }), 'keys-file', 'ok', /no change/],
  ['one whose process died', control({ keysFileLockedSeconds: 75 }), 'keys-file', 'warn', /75 s ago/],
  ['secrets that everybody can read', control({ keysFileReaders: 'others' }), 'keys-file-mode', 'fail', /everybody/],
  [
    'the same in development',
    control({ keysFileReaders: 'others', production: false }),
    'keys-file-mode',
    'warn',
    /everybody/,
  ],
  ['secrets that a group can read', control({ keysFileReaders: 'group' }), 'keys-file-mode', 'warn', /group/],
  ['a proxy that is not trusted', control({ trustsProxies: false }), 'control-proxies', 'warn', /X-Forwarded-For/],
];

const worst = (changes: Changes, id: string) => {
  const found = allChecks(goodFacts(changes)).filter((finding) => finding.id === id);
  const order = ['fail', 'warn', 'ok'];
  return found.toSorted((a, b) => order.indexOf(a.status) - order.indexOf(b.status))[0];
};

describe('the doctor', () => {
  it('finds nothing where all is well', () => {
    expect(allChecks(goodFacts()).filter(({ status }) => status !== 'ok')).toEqual([]);
  });

  it.each(ROWS)('%s', (_what, changes, id, status, seen) => {
    const finding = worst(changes, id);
    expect(finding).toMatchObject({ id, status, seen: expect.stringMatching(seen) as string });
    // Whoever reads it has to know what to do, and why.
    expect(finding?.do === null).toBe(status === 'ok');
    expect(finding?.why).toMatch(/^.{20,}/);
  });

  it('has a row above for every check, and for every way in which one can be other than well', () => {
    const known = new Set(allChecks(goodFacts()).map(({ id }) => id));
    const spoilt = new Set(ROWS.filter(([, , , status]) => status !== 'ok').map(([, , id]) => id));
    expect([...known].filter((id) => !spoilt.has(id))).toEqual([]);
  });

  it('names the edges that do not report all, and no other', () => {
    const { load: _load, ...old } = goodEdge({ id: 'old' });
    const found = allChecks(goodFacts({ edges: [goodEdge(), old] })).filter(({ id }) => id === 'edge-reports');
    expect(found).toMatchObject([{ status: 'warn', where: 'edge old' }]);
  });

  it('says once that all edges drain', () => {
    const found = allChecks(goodFacts(edge({ draining: true })));
    expect(found.filter(({ status }) => status !== 'ok').map(({ id }) => id)).toEqual(['edges']);
  });

  it('says only that Redis is away, and that nothing else is known, when it is', () => {
    const away = { redis: { ...goodFacts().redis, fault: 'ECONNREFUSED', servers: [] }, edges: null, urls: [] };
    const found = allChecks(goodFacts({ ...away, writeFault: 'ECONNREFUSED' }));
    expect(found.filter(({ status }) => status === 'fail').map(({ id }) => id)).toEqual(['redis-reachable']);
  });
});
