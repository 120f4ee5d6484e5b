import type { RedisFacts } from '@holdfast/redis/inspection';
import type { ServerFacts } from '@holdfast/redis/server-facts';
import type { SentinelFacts } from '@holdfast/redis/sentinel-facts';
import type { DoctorFacts } from '../facts.ts';
import { type Finding, type Subject, fail, ok, unknown, warn } from '../finding.ts';

/** All slots of a Cluster. */
const SLOTS = 16_384;
/** With fewer no majority is left when one dies. */
const LEAST_SENTINELS = 3;

const subjects = {
  reachable: { id: 'redis-reachable', why: 'Without Redis nothing is published, and no client can connect' },
  replicas: { id: 'redis-replicas', why: 'A master without a replica takes its topics and clients along when it dies' },
  coverage: { id: 'cluster-coverage', why: 'Topics and clients of slots without a master get 503' },
  quorum: { id: 'sentinel-quorum', why: 'Without a quorum no replica takes over when the master dies' },
} as const satisfies Record<string, Subject>;

/** The servers together. */
export function checkRedisTopology({ redis, writeFault, control }: DoctorFacts): Finding[] {
  return [
    reachable(redis, writeFault),
    ...redis.servers.map((server) => replicas(server, redis.kind, control.production)),
    ...(redis.kind === 'cluster' ? redis.servers.map(coverage) : []),
    ...(redis.kind === 'sentinel' ? sentinels(redis.sentinels) : []),
  ];
}

function reachable({ fault, servers }: RedisFacts, writeFault: string | null): Finding {
  const why = fault ?? writeFault;
  const advice = 'Look at Redis and at the network between; the log of this control-api has one line for each incident';
  if (why !== null) return fail(subjects.reachable, null, why, advice);
  return ok(subjects.reachable, null, `${servers.length === 1 ? 'it answers' : 'all answer'}, and writes are taken`);
}

function replicas({ address, info, config }: ServerFacts, kind: RedisFacts['kind'], production: boolean): Finding {
  const where = `redis ${address}`;
  if (!('value' in info)) return unknown(subjects.replicas, where, info.refused, 'Grant +info');
  const count = Number(info.value.get('connected_slaves') ?? 0);
  const seen = count === 1 ? '1 replica' : `${count} replicas`;
  if (count === 0) {
    if (kind === 'single' && !production) return ok(subjects.replicas, where, seen);
    return warn(subjects.replicas, where, seen, 'Add a replica, on another machine');
  }
  const least = 'value' in config ? config.value.get('min-replicas-to-write') : undefined;
  if (least !== '0') return ok(subjects.replicas, where, seen);
  return warn(
    subjects.replicas,
    where,
    `${seen}; min-replicas-to-write is 0`,
    'Set min-replicas-to-write 1: a master that is cut off from its replicas then takes no writes that a fail-over loses',
  );
}

function coverage({ address, cluster }: ServerFacts): Finding {
  const where = `redis ${address}`;
  if (cluster === null || !('value' in cluster)) {
    return unknown(subjects.coverage, where, cluster?.refused ?? 'no answer', 'Grant +cluster|info');
  }
  const { value } = cluster;
  const numberOf = (name: string): number => Number(value.get(name) ?? 0);
  const [assigned, failed, doubtful] = ['assigned', 'fail', 'pfail'].map((name) => numberOf(`cluster_slots_${name}`));
  const state = value.get('cluster_state') ?? 'unknown';
  const seen = `state ${state}, ${assigned} of ${SLOTS} slots assigned, ${failed} failed, ${doubtful} in doubt`;
  const advice = 'See CLUSTER NODES; start the node that is missing, or assign its slots (redis-cli --cluster fix)';
  if (state !== 'ok' || assigned !== SLOTS || failed !== 0) return fail(subjects.coverage, where, seen, advice);
  return doubtful === 0 ? ok(subjects.coverage, where, seen) : warn(subjects.coverage, where, seen, advice);
}

function sentinels(found: readonly SentinelFacts[]): Finding[] {
  const few =
    found.length >= LEAST_SENTINELS
      ? []
      : [
          warn(
            subjects.quorum,
            null,
            found.length === 1 ? '1 Sentinel is configured' : `${found.length} Sentinels are configured`,
            `Run ${LEAST_SENTINELS} or more on different machines, and name all of them in REDIS_SENTINELS`,
          ),
        ];
  const each = found.map(({ address, quorum }) => {
    const where = `sentinel ${address}`;
    if ('value' in quorum) return ok(subjects.quorum, where, quorum.value);
    if (quorum.refused.startsWith('NOQUORUM')) {
      const advice = 'Start the Sentinels that are missing: with too few of them no replica takes over';
      return fail(subjects.quorum, where, quorum.refused, advice);
    }
    // Sentinels are asked without a password.
    const advice = 'Start it where it is away; where it asks for a password, let others call SENTINEL CKQUORUM';
    return unknown(subjects.quorum, where, quorum.refused, advice);
  });
  return [...few, ...each];
}
