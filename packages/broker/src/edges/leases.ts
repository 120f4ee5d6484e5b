import type { Keys } from '../keys.ts';
import type { Commands } from '@holdfast/redis/commands';
import { RENEW } from '../live/payload.ts';
import { answerOf, numberOf } from '../lua/replies.ts';
import { asked, run } from '@holdfast/redis/script';
import { loadScript } from '../lua/scripts.ts';
import { LEASE_FIELDS, readFields, writeFields } from './lease-fields.ts';
import type { DrainOutcome, DrainRequest, EdgeDetails, LeaseRenewal } from './state.ts';

const renewLeaseScript = loadScript('renew-lease');
const requestDrainScript = loadScript('request-drain');

/**
 * How long a lease lasts after its last renewal. Renewed every second, so that many renewals may fail
 * before it counts as dead, and short enough that no client is reported as connected 15 s after its edge died.
 */
export const LEASE_MS = 10_000;

/** How long the list still names an edge whose lease ran out; the lease itself is what counts. */
const FORGET_EDGE_MS = 60_000;

/** By the answer of request-drain.lua. */
const DRAIN_OUTCOMES: readonly DrainOutcome[] = ['not-found', 'too-old', 'leaving', 'requested'];

/** Of an edge that was never asked to drain. */
const NO_REQUEST: DrainRequest = { drain: false, at: 0 };

/** The lease is a key that expires: Redis' own clock decides, whatever the clocks of edges and control-apis (decision 4). */
export function leaseStore(redis: Commands, keys: Keys) {
  async function renewLease(details: EdgeDetails, known: DrainRequest = NO_REQUEST): Promise<LeaseRenewal> {
    const args = [LEASE_MS, known.at, known.drain ? 1 : 0, ...writeFields(details)];
    const [answer] = await Promise.all([
      run(redis, renewLeaseScript, [keys.edge(details.id)], args),
      asked(redis.zadd(keys.edges(), Date.now(), details.id)),
    ]);
    const { kind, rest } = answerOf('renew-lease', answer);
    const [drain, at, seconds, micros] = rest.map(Number);
    return {
      alive: kind === 1,
      request: { drain: drain === 1, at: at ?? 0 },
      redisNow: Math.floor((seconds ?? 0) * 1000 + (micros ?? 0) / 1000),
    };
  }

  async function requestDrain(edge: string, drain: boolean): Promise<DrainOutcome> {
    const answer = await run(redis, requestDrainScript, [keys.edge(edge)], [drain ? 1 : 0]);
    const outcome = DRAIN_OUTCOMES[numberOf('request-drain', answer)] ?? 'not-found';
    // For speed only: the edge sees it with its next renewal anyway.
    if (outcome === 'requested') await redis.spublish(keys.edgeLive(edge), RENEW).catch(() => 0);
    return outcome;
  }

  async function dropLease(edge: string): Promise<void> {
    await Promise.all([
      asked(redis.del(keys.edge(edge))),
      asked(redis.del(keys.edgeDirty(edge))),
      asked(redis.zrem(keys.edges(), edge)),
    ]);
  }

  async function liveEdges(): Promise<EdgeDetails[]> {
    const edges = await asked(redis.zrange(keys.edges(), '0', '-1'));
    const details = await Promise.all(edges.map(async (edge) => readFields(await fieldsOf(edge))));
    return details.filter((edge) => edge !== null);
  }

  function fieldsOf(edge: string): Promise<(string | null)[]> {
    return asked(redis.hmget(keys.edge(edge), ...LEASE_FIELDS));
  }

  async function alive(edges: readonly string[]): Promise<Set<string>> {
    const unique = [...new Set(edges)];
    const left = await Promise.all(unique.map((edge) => asked(redis.pttl(keys.edge(edge)))));
    const tooLong = unique.filter((_, index) => (left[index] ?? 0) > LEASE_MS);
    // The clock of Redis was set back. An edge that lives renews its lease; of one that is dead it would last until then.
    await Promise.all(tooLong.map((edge) => asked(redis.pexpire(keys.edge(edge), LEASE_MS, 'LT'))));
    return new Set(unique.filter((_, index) => (left[index] ?? 0) > 0));
  }

  /** Removes from the list what has had no lease for long. An edge that comes back lists itself again. */
  async function reapEdges(): Promise<void> {
    const due = Date.now() - FORGET_EDGE_MS;
    const all = await asked(redis.zrange(keys.edges(), '0', '-1'));
    const old = await asked(redis.zrangebyscore(keys.edges(), '-inf', due));
    // All, so that no lease lasts longer than it may.
    const living = await alive(all);
    const dead = old.filter((edge) => !living.has(edge));
    if (dead.length > 0) await asked(redis.zrem(keys.edges(), ...dead));
  }

  return { renewLease, requestDrain, dropLease, liveEdges, alive, reapEdges };
}
