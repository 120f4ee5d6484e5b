import { type StoredEvent, isBefore, positionBefore } from '@holdfast/broker/stored-event';
import type { WebhookBroker } from '@holdfast/broker/webhook-broker';
import type { WebhookEndpoint } from '@holdfast/protocol/webhooks-file';
import type { Logger } from '@holdfast/service/logger';
import { isFor } from './endpoint-filter.ts';
import type { WebhookMetrics } from './webhook-metrics.ts';

/** Events of all partitions together. */
const MAX_EVENTS = 1_000_000;
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
/** Without a loss for so long, the next one is reported anew. */
const INCIDENT_MS = 60_000;

interface Progress {
  readonly endpoint: WebhookEndpoint;
  readonly isDisabled: boolean;
  readonly cursorOf: (partition: string) => string;
}

export interface RetentionOptions {
  readonly broker: WebhookBroker;
  readonly endpoints: () => readonly WebhookEndpoint[];
  readonly metrics: WebhookMetrics;
  readonly logger: Logger;
  readonly maxEvents?: number;
}

/**
 * Keeps what is stored within bounds: what every endpoint has is kept for a day, and when there are too many events the
 * longest partitions lose their oldest ones. What an endpoint never got by that is counted for it. Each step is atomic in
 * Redis, so several control-apis may do it.
 * @returns what to do when all partitions were looked at, with the number of events of each
 */
export function createRetention({ broker, endpoints, metrics, logger, maxEvents = MAX_EVENTS }: RetentionOptions) {
  const lostAt = new Map<string, number>();
  let agedAt = -Infinity;

  async function trim(lengths: ReadonlyMap<string, number>): Promise<void> {
    const keep = fairCap([...lengths.values()], maxEvents);
    const isAging = performance.now() - agedAt >= AGE_EVERY_MS;
    const due = [...lengths].filter(([, length]) => isAging || length > keep);
    if (due.length === 0) return;
    if (isAging) agedAt = performance.now();
    const progress = await Promise.all(endpoints().map(progressOf));
    for (const [name, length] of due) await trimPartition(name, Math.min(keep, length), progress);
  }

  async function trimPartition(name: string, keep: number, progress: readonly Progress[]): Promise<void> {
    const before = progress
      .filter(({ isDisabled }) => !isDisabled)
      .map(({ cursorOf }) => positionAfter(cursorOf(name)))
      .reduce(earlier, positionBefore(Date.now() - KEPT_MS));
    const cursors = progress.map(({ cursorOf }) => cursorOf(name));
    const lowestCursor = cursors.length === 0 ? null : cursors.reduce(earlier);
    for (let step = 0; step < MAX_STEPS; step += 1) {
      const { removed, missed } = await broker.trim(name, { keep, before, lowestCursor });
      for (const endpoint of progress) await countMissed(name, endpoint, missed);
      if (removed < STEP) return;
    }
  }

  async function countMissed(name: string, { endpoint, cursorOf }: Progress, missed: readonly StoredEvent[]) {
    const dropped = missed.filter((event) => isBefore(cursorOf(name), event.position) && isFor(endpoint, event)).length;
    if (dropped === 0) return;
    const { id } = endpoint;
    metrics.dropped.inc({ endpoint: id }, dropped);
    const before = lostAt.get(id) ?? -Infinity;
    lostAt.set(id, performance.now());
    if (performance.now() - before > INCIDENT_MS) {
      logger.error(
        { endpoint: id, maxEvents },
        'the buffer of events is full: events are dropped that were not delivered',
      );
    }
    await broker.countDropped(id, dropped);
  }

  async function progressOf(endpoint: WebhookEndpoint): Promise<Progress> {
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

/**
 * How many events any partition may have, so that all together have no more than `max`: short ones keep theirs, whatever
 * the long ones have. Infinity when nothing is to be removed.
 */
export function fairCap(lengths: readonly number[], max: number): number {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (total <= max) return Infinity;
  let left = max * SHARE_KEPT;
  const ascending = lengths.toSorted((one, other) => one - other);
  for (const [index, length] of ascending.entries()) {
    const share = left / (ascending.length - index);
    if (length > share) return Math.floor(share);
    left -= length;
  }
  return Infinity;
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
