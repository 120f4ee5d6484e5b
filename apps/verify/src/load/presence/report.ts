import type { LeftBehind } from '../conduct.ts';
import type { Plan, PresencePlan } from '../plan.ts';
import { type Report, connectionsOf, rateOf, round } from '../report.ts';
import type { Cpu } from './cpu.ts';
import {
  type PresenceFaultKind,
  type PresenceFindings,
  type PresenceSample,
  type Received,
  presenceFaultKinds,
} from './findings.ts';

const SAMPLES = 20;

/** The watchers of all workers at one time, beside the truth. */
interface Watched {
  members: number;
  joins: number;
  leaves: number;
  /** Milliseconds of the shared monotonic clock. */
  lastChangeAt: number;
  findings: PresenceFindings[];
}

/** What the phases of a run found out. Durations are in milliseconds. */
export interface PresenceFacts {
  registeringMs: number;
  connectingMs: number;
  connected: number;
  redisBytesPerClient: number | null;
  redisBytesPerConnectedClient: number | null;
  redisBytesPerMember: number | null;
  /** Before anybody left. */
  atFirst: Watched;
  churnMs: number;
  /** When it began, on the shared monotonic clock. */
  churnAt: number;
  cpu: Cpu;
  atLast: Watched;
  countByRest: number;
}

/** What a watcher got on average, and how long after the last change the last frame came to one of them. */
interface Seen {
  framesPerWatcher: number;
  bytesPerWatcher: number;
  snapshotsPerWatcher: number;
  versionsPerWatcher: number;
  /** Null when a map was not right in the end. */
  lastChangeSeenMs: number | null;
}

/** What a run found. Times are in seconds unless named otherwise, memory in bytes; null is "not known". */
export interface PresenceReport {
  /** Every watcher saw exactly who was present, and nothing else went wrong. */
  ok: boolean;
  run: string;
  seed: number;
  asked: { clients: number; churn: number; watchers: number; seconds: number };
  workers: number;
  edgesUsed: number;
  registration: Report['registration'];
  connections: Report['connections'];
  watchers: number;
  /** From the first connection to the last. */
  connecting: Seen;
  churn: { joins: number; leaves: number; seconds: number; perSecond: number } & Seen & {
      framesPerWatcherAndSecond: number;
      bytesPerWatcherAndSecond: number;
      versionsPerSecond: number;
    };
  /** Of each process during the churn, as shares of a core. */
  cpu: Cpu;
  memory: {
    redisBytesPerClient: number | null;
    /** With its presence. */
    redisBytesPerConnectedClient: number | null;
    /** What the presence of a member takes of that, with an info of 50 bytes. */
    redisBytesPerMember: number | null;
  };
  /** Present at the end, and what the API says. */
  members: { present: number; countByRest: number };
  faults: Record<PresenceFaultKind, number>;
  samples: PresenceSample[];
  leftBehind: LeftBehind;
}

/** Puts together what the phases and the workers found. */
export function presenceReportOf({
  plan,
  presence,
  run,
  workers,
  facts,
  leftBehind,
}: {
  plan: Plan;
  presence: PresencePlan;
  run: string;
  workers: number;
  facts: PresenceFacts;
  leftBehind: LeftBehind;
}): PresenceReport {
  const { atFirst, atLast } = facts;
  const { clients, seconds, seed } = plan;
  const { findings } = atLast;
  const { joins, leaves, members } = atLast;
  const seen = seenBetween(atFirst, atLast);
  // To the last frame, which comes after the last change.
  const seenSeconds = Math.max(facts.churnMs, lastFrameAt(atLast) - facts.churnAt) / 1000;
  const faults = Object.fromEntries(
    presenceFaultKinds.map((kind) => [kind, findings.reduce((sum, one) => sum + one.faults[kind], 0)]),
  ) as Record<PresenceFaultKind, number>;
  const connections = connectionsOf(findings, facts);
  const isOk =
    [...Object.values(faults), connections.givenUp, leftBehind.clients, leftBehind.topics].every((n) => n === 0) &&
    members === facts.countByRest;
  return {
    ok: isOk,
    run,
    seed,
    asked: { clients, ...presence, seconds },
    workers,
    edgesUsed: new Set(findings.flatMap((one) => one.edges)).size,
    registration: { clients, ...rateOf(clients, facts.registeringMs) },
    connections,
    watchers: watchersOf(atLast),
    connecting: seenBetween(null, atFirst),
    churn: {
      joins,
      leaves,
      ...rateOf(joins + leaves, facts.churnMs),
      ...seen,
      framesPerWatcherAndSecond: round(seen.framesPerWatcher / seenSeconds),
      bytesPerWatcherAndSecond: round(seen.bytesPerWatcher / seenSeconds),
      versionsPerSecond: round(seen.versionsPerWatcher / seenSeconds),
    },
    cpu: facts.cpu,
    memory: {
      redisBytesPerClient: facts.redisBytesPerClient,
      redisBytesPerConnectedClient: facts.redisBytesPerConnectedClient,
      redisBytesPerMember: facts.redisBytesPerMember,
    },
    members: { present: members, countByRest: facts.countByRest },
    faults,
    samples: findings.flatMap((one) => one.samples).slice(0, SAMPLES),
    leftBehind,
  };
}

function watchersOf({ findings }: Watched): number {
  return findings.reduce((sum, { watchers }) => sum + watchers, 0);
}

function lastFrameAt({ findings }: Watched): number {
  return Math.max(...findings.map((one) => one.lastFrameAt ?? 0));
}

function seenBetween(before: Watched | null, after: Watched): Seen {
  const total = (watched: Watched | null, name: keyof Received) =>
    watched?.findings.reduce((sum, { received }) => sum + received[name], 0) ?? 0;
  const perWatcher = (name: keyof Received) => round((total(after, name) - total(before, name)) / watchersOf(after));
  const isRight = after.findings.every((one) => one.isRight);
  return {
    framesPerWatcher: perWatcher('frames'),
    bytesPerWatcher: Math.round(perWatcher('bytes')),
    snapshotsPerWatcher: perWatcher('snapshots'),
    versionsPerWatcher: perWatcher('versions'),
    lastChangeSeenMs: isRight ? Math.round(Math.max(0, lastFrameAt(after) - after.lastChangeAt)) : null,
  };
}
