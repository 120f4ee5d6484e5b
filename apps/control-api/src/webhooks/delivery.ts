import { type StoredEvent, timeOf } from '@holdfast/broker/stored-event';
import { batchId } from './event-body.ts';

/** Where an event lies. */
export interface Place {
  readonly partition: string;
  readonly position: string;
}

/** One event, or a batch, that is sent until it is taken. Times are ms since 1970. */
export interface Delivery {
  /** By which it is written down. */
  readonly name: string;
  /** Of a batch, under which it is sent. */
  readonly batchId: string | null;
  readonly places: readonly Place[];
  /** Tries that failed. */
  tries: number;
  /** When it failed first; null when it did not. */
  since: number | null;
  /** When it failed last, if that was at this process; else null. */
  failed: number | null;
  /** When it may be tried. */
  next: number;
  /** Written down, so that another control-api goes on with the same. */
  isStored: boolean;
  /** Not kept while it waits for another try. */
  events: readonly StoredEvent[] | null;
  /** Its events waited in memory for more to join them: Redis may have removed some meanwhile, and counted them as dropped. */
  readonly hasWaited: boolean;
}

export function newDelivery(
  events: readonly StoredEvent[],
  { isBatch, hasWaited = false }: { isBatch: boolean; hasWaited?: boolean },
): Delivery {
  const places = events.map(({ partition, position }) => ({ partition, position }));
  const [first] = places;
  return {
    name: isBatch ? batchId(events) : `${first?.partition}-${first?.position}`,
    batchId: isBatch ? batchId(events) : null,
    places,
    tries: 0,
    since: null,
    failed: null,
    next: 0,
    isStored: false,
    events,
    hasWaited,
  };
}

/** A batch of several partitions as one delivery of each, so that what is refused for one holds up no other. */
export function divide(delivery: Delivery, events: readonly StoredEvent[]): Delivery[] {
  const byPartition = Map.groupBy(events, ({ partition }) => partition);
  if (delivery.batchId === null || byPartition.size < 2) return [delivery];
  const { tries, since, failed } = delivery;
  return [...byPartition.values()].map((those) => ({ ...newDelivery(those, { isBatch: true }), tries, since, failed }));
}

interface Written {
  batch?: true;
  places: [partition: string, position: string][];
  tries: number;
  since: number | null;
  next: number;
}

export function encodeDelivery({ batchId: id, places, tries, since, next }: Delivery): string {
  const written: Written = {
    ...(id === null ? {} : { batch: true }),
    places: places.map(({ partition, position }) => [partition, position]),
    tries,
    since,
    next,
  };
  return JSON.stringify(written);
}

export function decodeDelivery(name: string, text: string): Delivery {
  const { batch, places, tries, since, next } = JSON.parse(text) as Written;
  return {
    name,
    batchId: batch ? name : null,
    places: places.map(([partition, position]) => ({ partition, position })),
    tries,
    since,
    failed: null,
    next,
    isStored: true,
    events: null,
    hasWaited: false,
  };
}

/** When the oldest event of a delivery happened. */
export function oldestOf({ places }: Delivery): number {
  return Math.min(...places.map(({ position }) => timeOf(position)));
}
