import { type Position, comparePositions } from '@holdfast/protocol/position-order';

/** A message as it goes out. */
export interface SentMessage {
  id: Position;
  prev: Position;
  frame: Buffer;
  /** The id of the subscriber that does not get it; most have none. */
  except?: string;
  /** Only of a message whose publish is traced. */
  trace?: MessageTrace;
}

export interface MessageTrace {
  /** Of the publish. */
  traceparent: string;
  /** In milliseconds since 1970. */
  receivedAt: number;
  /** The live message was missed, and this is from the log. */
  caughtUp: boolean;
}

/** Enough for a reconnect storm to be served without a look into the log, and a bound for a topic's share of memory. */
const MAX_MESSAGES = 512;
const MAX_BYTES = 1024 * 1024;
/** Dropped entries are cut off in runs, so that dropping one costs nothing. */
const COMPACT_AT = 256;

/** The most recent messages of a topic, without a gap: everything after `base`. */
export class ReplayBuffer {
  #base: Position;
  #messages: SentMessage[] = [];
  #start = 0;
  #bytes = 0;

  constructor(base: Position) {
    this.#base = base;
  }

  /** The position after which it starts. */
  get base(): Position {
    return this.#base;
  }

  /** Appends the message that follows the last one. */
  push(message: SentMessage): void {
    this.#messages.push(message);
    this.#bytes += message.frame.length;
    while (this.#messages.length - this.#start > MAX_MESSAGES || this.#bytes > MAX_BYTES) this.#dropFirst();
    if (this.#start > COMPACT_AT) this.#compact();
  }

  /** Puts older messages in front, if the last of them is the one after which this starts, as far as there is room. */
  prepend(older: readonly SentMessage[]): void {
    const end = older.findIndex((message) => message.id === this.#base) + 1;
    this.#compact();
    let from = end;
    while (from > 0 && this.#messages.length + (end - from) < MAX_MESSAGES) {
      const bytes = older[from - 1]?.frame.length ?? 0;
      if (this.#bytes + bytes > MAX_BYTES) break;
      this.#bytes += bytes;
      from -= 1;
    }
    const fitting = older.slice(from, end);
    this.#base = fitting[0]?.prev ?? this.#base;
    this.#messages = [...fitting, ...this.#messages];
  }

  /** The messages after a position; null when the position is not in reach. */
  after(position: Position): SentMessage[] | null {
    if (position === this.#base) return this.#messages.slice(this.#start);
    const index = this.#indexOf(position);
    return index < 0 ? null : this.#messages.slice(index + 1);
  }

  has(position: Position): boolean {
    return position === this.#base || this.#indexOf(position) >= 0;
  }

  #indexOf(position: Position): number {
    let low = this.#start;
    let high = this.#messages.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const order = comparePositions(this.#messages[middle]?.id ?? '', position);
      if (order === 0) return middle;
      if (order < 0) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  #dropFirst(): void {
    const first = this.#messages[this.#start];
    if (first === undefined) return;
    this.#base = first.id;
    this.#bytes -= first.frame.length;
    this.#start += 1;
  }

  #compact(): void {
    this.#messages.splice(0, this.#start);
    this.#start = 0;
  }
}

/** Messages that leave as one write. */
export interface Write {
  frames: Buffer;
  messages: number;
  /** The id of the last of them. */
  last: Position;
  /** The id of the subscriber that does not get it. */
  except: string | undefined;
}

/**
 * The messages from an index on that go out as one write: as many as have room in `maxBytes`, and at least one; one that a
 * subscriber does not get goes out alone. Null at the end.
 */
export function writeOf(messages: readonly SentMessage[], from: number, maxBytes: number): Write | null {
  const frames: Buffer[] = [];
  let bytes = 0;
  let last: Position | null = null;
  let except: string | undefined;
  for (let index = from; index < messages.length; index += 1) {
    const message = messages[index];
    if (message === undefined || (last !== null && bytes + message.frame.length > maxBytes)) break;
    if (message.except !== undefined && last !== null) break;
    bytes += message.frame.length;
    frames.push(message.frame);
    last = message.id;
    ({ except } = message);
    if (except !== undefined) break;
  }
  const [first] = frames;
  if (first === undefined || last === null) return null;
  return { frames: frames.length === 1 ? first : Buffer.concat(frames, bytes), messages: frames.length, last, except };
}
