import type { PartitionSize, TrimBounds } from '@holdfast/broker/event-reader';
import { type StoredEvent, isBefore, positionBefore } from '@holdfast/broker/stored-event';
import type { WantingEndpoint } from '@holdfast/broker/wanted-events';
import type { WebhookBroker } from '@holdfast/broker/webhook-broker';
import type { Logger } from '@holdfast/service/logger';
import { type filterOf, isFor } from './endpoint-filter.ts';
import type { WebhookMetrics } from './webhook-metrics.ts';

/** Of all partitions together. */
const MAX_EVENTS = 1_000_000;
const MAX_BYTES = 1024 ** 3;
/** How long events are kept that all endpoints have, for a replay. */
const KEPT_MS = 24 * 3_600_000;
/** Where there are too many, a share is removed at once, so that it is not done for every event. */
const SHARE_KEPT = 0.98;
/** Looking for events that are old enough. */
const AGE_EVERY_MS = 60_000;
/** Steps of one partition in a row: others come in between. */
const MAX_STEPS = 1_000;
/** As the script that trims removes at a time. */
const STEP = 100;
/** Partitions that are trimmed side by side. */
const AT_ONCE = 50;
/** No event is before it. */
const NONE = '0-0';
/** Without a loss for so long, the next one is reported anew. */
const INCIDENT_MS = 60_000;

/** More than any partition has. Not what it had when it was looked at: events may have come since. */
export const ALL = Number.MAX_SAFE_INTEGER;

/** As `filterOf` gives it: by what was noted of an endpoint it is judged which events are for it. */
type KnownEndpoint = WantingEndpoint & ReturnType<typeof filterOf>;

interface Progress {
  readonly endpoint: KnownEndpoint;
  readonly isDisabled: boolean;
  readonly cursorOf: (partition: string) => string;
}

export interface RetentionOptions {
  readonly broker: WebhookBroker;
  /** Of the own file. */
  readonly endpoints: () => readonly WantingEndpoint[];
  readonly metrics: WebhookMetrics;
  readonly logger: Logger;
  readonly maxEvents?: number;
  /** Of Redis' memory, about. */
  readonly maxBytes?: number;
}

type Sizes = ReadonlyMap<string, PartitionSize>;

/** Why events are removed that an endpoint has not got. */
const REASONS = {
  full: 'the buffer of events is full: events are dropped that were not delivered',
  aged: 'events of a disabled endpoint are a day old: they are dropped',
};

/**
 * Keeps what is stored within bounds: what every endpoint has is kept for a day, and when there is too much the largest
 * partitions lose their oldest events, first those that every endpoint has. What an endpoint never got by that is counted
 * for it. Each step is atomic in Redis, so several control-apis may do it.
 * @returns what to do when all partitions were looked at, with the size of each
 */
export function createRetention({
  broker,
  endpoints,
  metrics,
  logger,
  maxEvents = MAX_EVENTS,
  maxBytes = MAX_BYTES,
}: RetentionOptions) {
  const lostAt = new Map<string, number>();
  let agedAt = -Infinity;

  async function trim(sizes: Sizes): Promise<void> {
    const isAging = performance.now() - agedAt >= AGE_EVERY_MS;
    if (!isAging && excessOf(sizes).size === 0) return;
    // While files differ, other control-apis deliver to endpoints that this one does not have.
    const known = new Map(
      [...(await broker.knownEndpoints()), ...endpoints()].map((endpoint) => [endpoint.id, endpoint]),
    );
    const progress = await Promise.all([...known.values()].map(progressOf));
    const failures: unknown[] = [];
    if (isAging) {
      agedAt = performance.now();
      failures.push(...(await forEachAtOnce([...sizes.keys()], (name) => removeOld(name, progress))));
    }
    failures.push(...(await shrink(sizes, progress)));
    if (failures.length > 0) throw failures[0];
  }

  /** Of the largest what all have, then of any, then of the largest what is not delivered. */
  async function shrink(sizes: Sizes, progress: readonly Progress[]): Promise<unknown[]> {
    const failures: unknown[] = [];
    let left = sizes;
    for (const step of ['largest', 'delivered', 'undelivered'] as const) {
      const excess = excessOf(left);
      if (excess.size === 0) break;
      const keeps = step === 'delivered' ? new Map([...left.keys()].map((name) => [name, 0])) : excess;
      const bounds = { before: NONE, sparesMissed: step !== 'undelivered' };
      const trimOne = (name: string): Promise<void> =>
        trimPartition(name, { ...bounds, keep: keeps.get(name) ?? ALL }, progress, 'full');
      failures.push(...(await forEachAtOnce([...keeps.keys()], trimOne)));
      const found = new Map(left);
      const look = async (name: string): Promise<void> => void found.set(name, await broker.endOf(name));
      if (step !== 'undelivered') failures.push(...(await forEachAtOnce([...keeps.keys()], look)));
      left = found;
    }
    return failures;
  }

  /** Partitions that are larger than they may be, with the number of events that each may have. */
  function excessOf(sizes: Sizes): Map<string, number> {
    const all = [...sizes.values()];
    const longest = fairCap(
      all.map(({ length }) => length),
      maxEvents,
    );
    const largest = fairCap(
      all.map(({ bytes }) => bytes),
      maxBytes,
    );
    const excess = new Map<string, number>();
    for (const [name, { length, bytes }] of sizes) {
      // What stays is taken for as large as what goes: if it is larger, the next look finds it.
      const fitting = bytes > largest ? Math.floor((length * largest) / bytes) : ALL;
      const keep = Math.min(length > longest ? longest : ALL, fitting);
      if (keep < ALL) excess.set(name, keep);
    }
    return excess;
  }

  /** What is a day old, and no endpoint waits for. */
  function removeOld(name: string, progress: readonly Progress[]): Promise<void> {
    const before = progress
      .filter(({ isDisabled }) => !isDisabled)
      .map(({ cursorOf }) => positionAfter(cursorOf(name)))
      .reduce(earlier, positionBefore(Date.now() - KEPT_MS));
    return trimPartition(name, { keep: ALL, before }, progress, 'aged');
  }

  async function trimPartition(
    name: string,
    bounds: Omit<TrimBounds, 'lowestCursor'>,
    progress: readonly Progress[],
    reason: keyof typeof REASONS,
  ): Promise<void> {
    const cursors = progress.map(({ cursorOf }) => cursorOf(name));
    const lowestCursor = cursors.length === 0 ? null : cursors.reduce(earlier);
    for (let step = 0; step < MAX_STEPS; step += 1) {
      const { removed, missed } = await broker.trim(name, { ...bounds, lowestCursor });
      for (const endpoint of progress) await countMissed(name, endpoint, missed, reason);
      if (removed < STEP) return;
    }
  }

  async function countMissed(
    name: string,
    { endpoint, cursorOf }: Progress,
    missed: readonly StoredEvent[],
    reason: keyof typeof REASONS,
  ): Promise<void> {
    const dropped = missed.filter((event) => isBefore(cursorOf(name), event.position) && isFor(endpoint, event)).length;
    if (dropped === 0) return;
    const { id } = endpoint;
    metrics.dropped.inc({ endpoint: id }, dropped);
    const incident = `${reason} ${id}`;
    const before = lostAt.get(incident) ?? -Infinity;
    lostAt.set(incident, performance.now());
    if (performance.now() - before > INCIDENT_MS) logger.error({ endpoint: id, maxEvents, maxBytes }, REASONS[reason]);
    await broker.countDropped(id, dropped);
  }

  async function progressOf(endpoint: WantingEndpoint): Promise<Progress> {
    const [state, cursors] = await Promise.all([broker.readWebhook(endpoint.id), broker.readCursors(endpoint.id)]);
    const begin = positionBefore(state.begins);
    return {
      endpoint,
      isDisabled: state.disabled !== null,
      cursorOf: (partition) => cursors.get(partition) ?? begin,
    };
  }

  return trim;
}

/** Some side by side. Gives what failed: keys are on different nodes, and the others go on. */
async function forEachAtOnce(names: readonly string[], work: (name: string) => Promise<void>): Promise<unknown[]> {
  const left = names.values();
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (const name of left) await work(name).catch((error: unknown) => failures.push(error));
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, names.length) }, worker));
  return failures;
}

/**
 * How many events, or bytes, any partition may have, so that all together have no more than `max`: small ones keep theirs,
 * whatever the large ones have. `ALL` when there are no more than that.
 */
export function fairCap(lengths: readonly number[], max: number): number {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (total <= max) return ALL;
  let left = max * SHARE_KEPT;
  const ascending = lengths.toSorted((one, other) => one - other);
  for (const [index, length] of ascending.entries()) {
    const share = left / (ascending.length - index);
    if (length > share) return Math.floor(share);
    left -= length;
  }
  return ALL;
}

function earlier(one: string, other: string): string {
  return isBefore(one, other) ? one : other;
}

/** The next position that there can be. */
function positionAfter(position: string): string {
  const [ms = '0', sequence = '0'] = position.split('-');
  return BigInt(sequence) >= MAX_SEQUENCE ? `${Number(ms) + 1}-0` : `${ms}-${BigInt(sequence) + 1n}`;
}

const MAX_SEQUENCE = 18_446_744_073_709_551_615n;
