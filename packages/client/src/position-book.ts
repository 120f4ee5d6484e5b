import type { Lost } from '@holdfast/protocol/down';
import type { Message } from '@holdfast/protocol/down';
import type { Subscribed } from '@holdfast/protocol/down';
import type { Welcome } from '@holdfast/protocol/down';
import { POSITION_FORM, type Position, comparePositions, laterOf } from '@holdfast/protocol/position-order';

/** The position reached in each topic, as a page can keep it: plain JSON. */
export type Positions = Record<string, Position>;

interface Entry {
  /** From where a resume goes on. */
  position: Position;
  /** The last id handed out: what is not above it was there before. Absent before the first message of a lineage. */
  delivered: Position | undefined;
  /** The position of a loss that `welcome` announced, until something else comes: the edge's `lost` frame repeats it. */
  announced: Position | undefined;
}

/** A client's position in each topic, over all its connections; finds what is new, repeated or lost. */
export class PositionBook {
  readonly #entries = new Map<string, Entry>();
  #duplicates = 0;

  /** Raises TypeError for a position that is none: damaged state must not pass as "from now on". */
  constructor(positions: Positions = {}) {
    for (const [topic, position] of Object.entries(positions)) {
      if (typeof position !== 'string' || !POSITION_FORM.test(position)) {
        throw new TypeError(`not a position of ${topic}: ${position}`);
      }
      this.#entries.set(topic, { position, delivered: position, announced: undefined });
    }
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  /** Messages that came again and were dropped. */
  get duplicates(): number {
    return this.#duplicates;
  }

  snapshot(): Positions {
    return Object.fromEntries(Array.from(this.#entries, ([topic, { position }]) => [topic, position]));
  }

  /** Takes the first frame of a connection, and returns the losses in it. Topics that are not in it are forgotten. */
  welcome({ topics }: Welcome): Lost[] {
    const losses: Lost[] = [];
    const welcomed = new Map(Object.entries(topics));
    for (const topic of this.#entries.keys()) {
      if (!welcomed.has(topic)) this.#entries.delete(topic);
    }
    for (const [topic, { position, recovered }] of welcomed) {
      const entry = this.#entries.get(topic);
      if (entry === undefined) {
        this.#entries.set(topic, { position, delivered: undefined, announced: undefined });
      } else if (recovered === false) {
        losses.push({ type: 'lost', topic, after: entry.position, position });
        continueFrom(entry, position);
        entry.announced = position;
      } else if (recovered === undefined) {
        entry.position = laterOf(entry.position, position);
      }
      // Recovered: the missed messages follow, and each of them moves the position. To move it now would skip them, should
      // this connection break before they are all here.
    }
    return losses;
  }

  /** Whether the message is new. */
  message({ topic, id }: Message): boolean {
    const entry = this.#entries.get(topic);
    if (entry === undefined) {
      this.#entries.set(topic, { position: id, delivered: id, announced: undefined });
      return true;
    }
    if (entry.delivered !== undefined && comparePositions(id, entry.delivered) <= 0) {
      this.#duplicates++;
      return false;
    }
    entry.position = id;
    entry.delivered = id;
    entry.announced = undefined;
    return true;
  }

  subscribed({ topic, position }: Subscribed): void {
    const entry = this.#entries.get(topic);
    if (entry === undefined) this.#entries.set(topic, { position, delivered: undefined, announced: undefined });
    else entry.position = laterOf(entry.position, position);
  }

  unsubscribed(topic: string): void {
    this.#entries.delete(topic);
  }

  /** Whether the loss was not announced before. */
  lost({ topic, position }: Lost): boolean {
    const entry = this.#entries.get(topic);
    if (entry === undefined) {
      this.#entries.set(topic, { position, delivered: undefined, announced: undefined });
      return true;
    }
    const isNew = entry.announced !== position;
    continueFrom(entry, position);
    entry.announced = undefined;
    return isNew;
  }
}

/** A log that goes on below what was delivered is another lineage (Redis came back older): its ids are all new. */
function continueFrom(entry: Entry, position: Position): void {
  if (entry.delivered !== undefined && comparePositions(position, entry.delivered) < 0) entry.delivered = undefined;
  entry.position = position;
}
