import { type StoredEvent, isBefore, positionBefore, timeOf } from '@holdfast/broker/stored-event';
import type { Place } from './delivery.ts';

/** Events in memory, of one endpoint: past it no more are read. */
const MAX_BYTES = 4 * 1024 * 1024;
/** What an event takes beside its data. */
const OVERHEAD_BYTES = 300;
/** The largest event: a message of 64 KiB, and what goes with it. */
const MAX_EVENT_BYTES = 66 * 1024;
/** Events in a page: of a partition of which nothing is known, or with large events; and of one with small ones. */
const SHORT_PAGE = 8;
const LONG_PAGE = 50;
/** On the average of a page. */
const SMALL_BYTES = 4 * 1024;
/** A partition is read again when it has fewer. */
const LOW = 10;
/** In one delivery, but for its first event. */
const MAX_DELIVERY_BYTES = 512 * 1024;
/** What was lost is found with the first event after it, or when all partitions were looked at, within half a minute. */
const SET_BACK_MS = 60_000;

interface Queue {
  readonly name: string;
  /** Up to here all is delivered, or not wanted. */
  cursor: string;
  /** Up to here it is in `events`, or not wanted. */
  readTo: string;
  events: StoredEvent[];
  /** There may be more after `readTo`. */
  hasMore: boolean;
  /** The last event of its delivery, which is under way or waits for its next try: another would overtake it. */
  busyTo: string | null;
  /** Its delivery waits: nothing is read meanwhile. */
  isBlocked: boolean;
  /** Events in its next page. */
  page: number;
  /** Bytes that are kept free for the page that is being read. */
  reserved: number;
  /** It could not be read, and is not read meanwhile. */
  isResting: boolean;
}

/** A page of a partition. */
export interface Page {
  readonly events: readonly StoredEvent[];
  readonly last: string | null;
  readonly isEnd: boolean;
}

/** What is to be delivered to one endpoint, by partition, each in its order. */
export class Backlog {
  readonly #queues = new Map<string, Queue>();
  /** Those with events of which none is under way; whoever was served goes to the end. */
  readonly #ready = new Set<Queue>();
  readonly #toRead = new Set<Queue>();
  readonly #moved = new Set<Queue>();
  #begins: number;
  #bytes = 0;

  /** @param begins time from which on events of a partition without a cursor are for the endpoint, in ms */
  constructor(begins: number, cursors: ReadonlyMap<string, string>) {
    this.#begins = begins;
    for (const [name, cursor] of cursors) this.#queue(name, cursor);
  }

  get begins(): number {
    return this.#begins;
  }

  /** The partition may have events that were not read. */
  markChanged(name: string): void {
    const queue = this.#queue(name);
    queue.hasMore = true;
    this.#toRead.add(queue);
  }

  /** The last event of a partition lies there. Gives whether it is to be read: beyond what was read, or well before. */
  markEnd(name: string, last: string | null): boolean {
    // On a Cluster most partitions never have any: nothing is kept of them.
    if (last === null && !this.#queues.has(name)) return false;
    const { readTo } = this.#queue(name);
    if (!isLost(readTo, last) && (last === null || !isBefore(readTo, last))) return false;
    this.markChanged(name);
    return true;
  }

  /**
   * Nothing was found after that position, and the partition ended there when it was looked at after that. Where Redis has
   * lost events that were read, those that are written in their place may come before the cursor: it is set back, by more
   * than such a loss takes to be found. Gives whether it was.
   */
  setBack(name: string, after: string, end: string | null): boolean {
    const queue = this.#queue(name);
    if (queue.readTo !== after || queue.busyTo !== null || !isLost(after, end)) return false;
    this.#move(queue, end === null ? positionBefore(0) : positionBefore(timeOf(end) - SET_BACK_MS));
    this.#restart(queue);
    return true;
  }

  /**
   * A partition that is to be read, after which position, and how many events at most; null when there is none, or no room.
   * Room is kept for as much as these may be, until they are added or could not be read.
   */
  nextToRead(): { name: string; after: string; count: number } | null {
    const room = Math.floor((MAX_BYTES - this.#bytes) / MAX_EVENT_BYTES);
    if (room < SHORT_PAGE) return null;
    for (const queue of this.#toRead) {
      this.#toRead.delete(queue);
      if (!queue.hasMore || queue.isBlocked || queue.isResting || queue.events.length >= LOW) continue;
      queue.hasMore = false;
      const count = Math.min(queue.page, room);
      this.#reserve(queue, count * MAX_EVENT_BYTES);
      return { name: queue.name, after: queue.readTo, count };
    }
    return null;
  }

  /** What was read after that position; left out when the partition was set back, or changed, meanwhile. */
  add(name: string, after: string, { events, last, isEnd }: Page, isWanted: (event: StoredEvent) => boolean): void {
    const queue = this.#queue(name);
    this.#reserve(queue, 0);
    if (queue.readTo !== after) return this.markChanged(name);
    const size = events.reduce((sum, event) => sum + sizeOf(event), 0);
    queue.page = !isEnd && size <= events.length * SMALL_BYTES ? LONG_PAGE : SHORT_PAGE;
    for (const event of events) {
      if (!isWanted(event)) continue;
      queue.events.push(event);
      this.#bytes += sizeOf(event);
    }
    queue.readTo = last ?? after;
    if (!isEnd) this.markChanged(name);
    if (queue.events.length > 0) this.#becomeReady(queue);
    else if (queue.busyTo === null) this.#move(queue, queue.readTo);
  }

  /** It could not be read: others are, until it is `rested`. */
  readFailed(name: string): void {
    const queue = this.#queue(name);
    queue.isResting = true;
    this.#reserve(queue, 0);
  }

  rested(name: string): void {
    this.#queue(name).isResting = false;
    this.markChanged(name);
  }

  /** Events that may be delivered now, up to a number. */
  readyEvents(atMost: number): number {
    let count = 0;
    for (const queue of this.#ready) {
      count += queue.events.length;
      if (count >= atMost) return atMost;
    }
    return count;
  }

  /** The next events to deliver together; their partitions are busy until they are settled. */
  take(atMost: number): StoredEvent[] {
    const taken: StoredEvent[] = [];
    let bytes = 0;
    for (const queue of this.#ready) {
      for (let next = queue.events[0]; next !== undefined; next = queue.events[0]) {
        const size = sizeOf(next);
        if (taken.length === atMost || (taken.length > 0 && bytes + size > MAX_DELIVERY_BYTES)) return taken;
        bytes += size;
        this.#bytes -= size;
        queue.events.shift();
        queue.busyTo = next.position;
        this.#ready.delete(queue);
        taken.push(next);
      }
      if (queue.hasMore) this.#toRead.add(queue);
    }
    return taken;
  }

  /** A delivery that was begun before: its partitions are busy with it. */
  resume(places: readonly Place[]): void {
    for (const { partition, position } of places) {
      const queue = this.#queue(partition);
      queue.isBlocked = true;
      if (queue.busyTo === null || isBefore(queue.busyTo, position)) queue.busyTo = position;
      if (isBefore(queue.readTo, position)) queue.readTo = position;
    }
  }

  /** These were delivered, or are gone: their partitions go on. */
  settle(places: readonly Place[]): void {
    for (const { partition, position } of places) {
      const queue = this.#queue(partition);
      if (isBefore(queue.cursor, position)) this.#move(queue, position);
    }
    for (const queue of this.#queuesOf(places)) {
      queue.busyTo = null;
      queue.isBlocked = false;
      if (queue.events.length > 0) this.#becomeReady(queue);
      else this.#move(queue, queue.readTo);
      if (queue.hasMore) this.#toRead.add(queue);
    }
  }

  /** A delivery of these waits: what lies behind it is read again when it is settled. */
  block(places: readonly Place[]): void {
    for (const queue of this.#queuesOf(places)) {
      queue.isBlocked = true;
      if (queue.events.length > 0) this.#restart(queue);
    }
  }

  /** From this time on all is delivered again. Nothing may be under way. */
  rewind(ms: number): void {
    const position = positionBefore(ms);
    this.#begins = Math.min(this.#begins, ms);
    for (const queue of this.#queues.values()) {
      if (isBefore(position, queue.cursor)) this.#move(queue, position);
      queue.busyTo = null;
      queue.isBlocked = false;
      this.#restart(queue);
    }
  }

  /** What was read and is not under way is judged anew: other events are wanted. */
  refilter(): void {
    for (const queue of this.#queues.values()) this.#restart(queue);
  }

  /** Cursors that have moved since the last call. */
  takeMoved(): Map<string, string> {
    const moved = new Map([...this.#moved].map(({ name, cursor }) => [name, cursor]));
    this.#moved.clear();
    return moved;
  }

  /** Every cursor is to be written anew. */
  markAllMoved(): void {
    for (const queue of this.#queues.values()) this.#moved.add(queue);
  }

  /** When the oldest event in memory happened; null when there is none. */
  oldest(): number | null {
    let oldest = Infinity;
    for (const { events } of this.#queues.values()) {
      if (events[0] !== undefined) oldest = Math.min(oldest, timeOf(events[0].position));
    }
    return oldest === Infinity ? null : oldest;
  }

  #reserve(queue: Queue, bytes: number): void {
    this.#bytes += bytes - queue.reserved;
    queue.reserved = bytes;
  }

  #restart(queue: Queue): void {
    this.#forget(queue);
    queue.readTo = queue.busyTo ?? queue.cursor;
    this.markChanged(queue.name);
  }

  #forget(queue: Queue): void {
    for (const event of queue.events) this.#bytes -= sizeOf(event);
    queue.events = [];
    this.#ready.delete(queue);
  }

  #becomeReady(queue: Queue): void {
    if (queue.busyTo === null) this.#ready.add(queue);
    if (queue.hasMore && queue.events.length < LOW) this.#toRead.add(queue);
  }

  #move(queue: Queue, cursor: string): void {
    if (queue.cursor === cursor) return;
    queue.cursor = cursor;
    this.#moved.add(queue);
  }

  #queuesOf(places: readonly Place[]): Set<Queue> {
    return new Set(places.map(({ partition }) => this.#queue(partition)));
  }

  #queue(name: string, cursor = positionBefore(this.#begins)): Queue {
    const known = this.#queues.get(name);
    if (known !== undefined) return known;
    const queue: Queue = {
      name,
      cursor,
      readTo: cursor,
      events: [],
      hasMore: false,
      busyTo: null,
      isBlocked: false,
      page: SHORT_PAGE,
      reserved: 0,
      isResting: false,
    };
    this.#queues.set(name, queue);
    return queue;
  }
}

/** Whether a position is that of an event that was there, beyond the end of its partition. */
function isLost(position: string, end: string | null): boolean {
  return position !== positionBefore(timeOf(position) + 1) && (end === null || isBefore(end, position));
}

function sizeOf({ data }: StoredEvent): number {
  return data.length + OVERHEAD_BYTES;
}
