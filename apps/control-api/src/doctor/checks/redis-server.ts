import type { Asked, Fields, ServerFacts } from '@holdfast/redis/server-facts';
import { type Finding, type Subject, fail, ok, unknown, useOf, warn } from '../finding.ts';
import { compareVersions, faultsOf } from './redis-faults.ts';

/** Sharded channels came with it. */
const OLDEST = '7.0.0';
const MIB = 1024 * 1024;
/** An edge that stalls for some seconds under load is behind by more than the 32 MB that Redis grants by default. */
const LEAST_PUBSUB_BUFFER = 128 * MIB;
/** Each publish and each handshake waits for it. */
const SLOW_ROUND_TRIP_MS = 5;

const GRANT_INFO = 'Grant +info to the Redis user of Holdfast';
const GRANT_CONFIG = 'Grant +config|get to the Redis user of Holdfast, or look yourself';

const subjects = {
  version: {
    id: 'redis-version',
    why: 'Delivery rests on sharded channels (7.0), and known faults are fixed by releases',
  },
  scripts: { id: 'redis-scripts', why: 'Every change is a Lua script; Valkey 9.1 may be built without Lua' },
  eviction: {
    id: 'redis-eviction',
    why: 'A Redis that evicts loses registrations and topics, as if they had been deleted',
  },
  memory: { id: 'redis-memory', why: 'When memory is full, publishes and registrations are refused with 503' },
  persistence: { id: 'redis-persistence', why: 'What is not on disk is gone when Redis restarts: registrations too' },
  buffer: {
    id: 'redis-pubsub-buffer',
    why: 'Redis cuts an edge that is behind by more; it comes back, and reads what it missed from the logs',
  },
  wakeUps: {
    id: 'redis-keyspace-events',
    why: 'They bring changes of subscriptions to edges at once; without them it takes half a second',
  },
  clients: { id: 'redis-clients', why: 'Past maxclients no process can connect any more' },
  roundTrip: { id: 'redis-round-trip', why: 'Each publish and each handshake waits for Redis once or twice' },
} as const satisfies Record<string, Subject>;

/** What one server says of itself. */
export function checkRedisServer(server: ServerFacts): Finding[] {
  const where = `redis ${server.address}`;
  const ofInfo = (subject: Subject, judge: (info: Fields) => Finding): Finding =>
    judged(subject, where, server.info, judge, GRANT_INFO);
  const ofConfig = (subject: Subject, judge: (config: Fields) => Finding): Finding =>
    judged(subject, where, server.config, judge, GRANT_CONFIG);
  return [
    ofInfo(subjects.version, (info) => version(where, info)),
    scripts(where, server.scriptFault),
    ofInfo(subjects.eviction, (info) => eviction(where, info)),
    ofInfo(subjects.memory, (info) => memory(where, info)),
    ofInfo(subjects.persistence, (info) => persistence(where, info, server.config)),
    ofInfo(subjects.clients, (info) => clients(where, info)),
    ofConfig(subjects.buffer, (config) => buffer(where, config)),
    ofConfig(subjects.wakeUps, (config) => wakeUps(where, config)),
    judged(subjects.roundTrip, where, server.clock, ({ roundTripMs }) => roundTrip(where, roundTripMs), 'Grant +time'),
  ];
}

function judged<T>(
  subject: Subject,
  where: string,
  asked: Asked<T>,
  judge: (value: T) => Finding,
  advice: string,
): Finding {
  return 'value' in asked ? judge(asked.value) : unknown(subject, where, asked.refused, advice);
}

function version(where: string, info: Fields): Finding {
  const valkey = info.get('valkey_version');
  const [server, found] = valkey
    ? (['valkey', valkey] as const)
    : (['redis', info.get('redis_version') ?? ''] as const);
  const seen = `${server} ${found}`;
  if (compareVersions(found, OLDEST) < 0) {
    return fail(subjects.version, where, seen, 'Upgrade to Redis 7.2 or newer, or Valkey 8 or newer');
  }
  const faults = faultsOf(server, found);
  if (faults.length === 0) return ok(subjects.version, where, seen);
  const list = faults.map(({ name, what, source }) => `${name}: ${what} (${source})`).join('; ');
  return warn(
    subjects.version,
    where,
    `${seen}, which has known faults: ${list}`,
    'Upgrade to the newest release of its branch, or of a newer one where it gets none. ' +
      'A distribution may have fixed them under the same number: the changelog of its package says so',
  );
}

function scripts(where: string, fault: string | null): Finding {
  if (fault === null) return ok(subjects.scripts, where, 'a script ran');
  return fail(
    subjects.scripts,
    where,
    fault,
    'Grant +eval and +evalsha to the Redis user of Holdfast; of Valkey 9.1 and newer use a build with the Lua module',
  );
}

function eviction(where: string, info: Fields): Finding {
  const policy = info.get('maxmemory_policy') ?? '';
  const limit = numberIn(info, 'maxmemory');
  const advice = 'Set maxmemory-policy noeviction';
  if (policy === 'noeviction') return ok(subjects.eviction, where, policy);
  const seen = `maxmemory-policy is ${policy}, maxmemory ${limit === 0 ? 'is not set' : `is ${limit} bytes`}`;
  return limit === 0 ? warn(subjects.eviction, where, seen, advice) : fail(subjects.eviction, where, seen, advice);
}

function memory(where: string, info: Fields): Finding {
  const limit = numberIn(info, 'maxmemory') || numberIn(info, 'total_system_memory');
  const used = numberIn(info, 'used_memory');
  if (limit === 0) return ok(subjects.memory, where, `${mib(used)} MiB used; no limit is known`);
  const advice = 'Give it more memory, keep shorter histories, or spread topics over more masters';
  return useOf(subjects.memory, where, mib(used), mib(limit), advice);
}

function mib(bytes: number): number {
  return Math.round(bytes / MIB);
}

function persistence(where: string, info: Fields, config: Asked<Fields>): Finding {
  const failed = ['aof_last_write_status', 'rdb_last_bgsave_status'].filter(
    (name) => (info.get(name) ?? 'ok') !== 'ok',
  );
  if (failed.length > 0) {
    const advice = 'Look into the log of Redis: a full disk, most often. Writes may be refused meanwhile';
    return fail(subjects.persistence, where, `${failed.join(' and ')} failed`, advice);
  }
  const settings: Fields = 'value' in config ? config.value : new Map();
  const advice = 'Set appendonly yes and appendfsync everysec: then a second is lost at most';
  if (info.get('aof_enabled') === '1') {
    const fsync = settings.get('appendfsync');
    const seen = `appendonly yes${fsync === undefined ? '' : `, appendfsync ${fsync}`}`;
    return fsync === 'no' ? warn(subjects.persistence, where, seen, advice) : ok(subjects.persistence, where, seen);
  }
  const save = settings.get('save');
  if (save === undefined) return warn(subjects.persistence, where, 'no append-only file', advice);
  const seen = save === '' ? 'nothing is written to disk' : `snapshots only (save ${save}), minutes apart`;
  return warn(subjects.persistence, where, seen, advice);
}

function clients(where: string, info: Fields): Finding {
  const limit = numberIn(info, 'maxclients');
  const connected = numberIn(info, 'connected_clients');
  if (limit === 0) return ok(subjects.clients, where, `${connected} connected; no limit is known`);
  return useOf(subjects.clients, where, connected, limit, 'Raise maxclients, and the limit of open files of Redis');
}

function buffer(where: string, config: Fields): Finding {
  const setting = config.get('client-output-buffer-limit') ?? '';
  const [, hard = '0', soft = '0', seconds = '0'] = /pubsub (\d+) (\d+) (\d+)/.exec(setting) ?? [];
  const seen = `pubsub ${limitText(hard)} ${limitText(soft)} ${seconds}`;
  const small = (bytes: string, least: number): boolean => bytes !== '0' && Number(bytes) < least;
  if (!small(hard, LEAST_PUBSUB_BUFFER) && !small(soft, LEAST_PUBSUB_BUFFER / 2))
    return ok(subjects.buffer, where, seen);
  return warn(subjects.buffer, where, seen, 'Set client-output-buffer-limit pubsub 256mb 128mb 60');
}

function limitText(bytes: string): string {
  return bytes === '0' ? 'unlimited' : `${mib(Number(bytes))}mb`;
}

function wakeUps(where: string, config: Fields): Finding {
  const flags = config.get('notify-keyspace-events') ?? '';
  const on = flags.includes('K') && (flags.includes('s') || flags.includes('A'));
  if (on) return ok(subjects.wakeUps, where, flags);
  const advice = 'Set notify-keyspace-events Ks; edges do it themselves where they may (+config|set)';
  return warn(subjects.wakeUps, where, flags === '' ? 'none are on' : `only ${flags} are on`, advice);
}

function roundTrip(where: string, ms: number): Finding {
  const seen = `${ms.toFixed(1)} ms`;
  if (ms < SLOW_ROUND_TRIP_MS) return ok(subjects.roundTrip, where, seen);
  const advice = 'Run the services near Redis; look for slow commands of others (SLOWLOG) and for swap';
  return warn(subjects.roundTrip, where, seen, advice);
}

function numberIn(info: Fields, name: string): number {
  return Number(info.get(name) ?? 0);
}
