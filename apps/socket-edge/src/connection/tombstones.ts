import type { Position } from '@holdfast/protocol/position-order';

/** Topics left lately that are remembered for longer than they have to be. */
const MAX_TOMBSTONES = 100;

/** How far a topic got that has been left. */
export interface TopicTombstone {
  topic: string;
  incarnation: string;
  position: Position;
  /** The last read of a state that had begun by then. */
  read: number;
}

/**
 * Topics that a connection has left lately, each incarnation apart: a Redis that loses its last writes may have an older
 * one again.
 */
export class Tombstones {
  readonly #tombstones = new Map<string, TopicTombstone>();

  /** How far this incarnation of a topic got before it was left. */
  leftAt(topic: string, incarnation: string): Position | undefined {
    return this.#tombstones.get(keyOf(topic, incarnation))?.position;
  }

  add(tombstone: TopicTombstone): void {
    this.#tombstones.set(keyOf(tombstone.topic, tombstone.incarnation), tombstone);
  }

  /**
   * Forgets topics that were left before a state was read which has been applied, but for the last `MAX_TOMBSTONES`.
   * @param opening topics that are kept, for they are about to be taken up again
   */
  drop(read: number, opening: ReadonlyMap<string, unknown> | null): void {
    for (const [key, { topic, read: readThen }] of this.#tombstones) {
      if (this.#tombstones.size <= MAX_TOMBSTONES) return;
      if (readThen < read && opening?.has(topic) !== true) this.#tombstones.delete(key);
    }
  }
}

function keyOf(topic: string, incarnation: string): string {
  return `${topic} ${incarnation}`;
}
