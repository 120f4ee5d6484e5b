import { MAX_RESUME_POSITIONS } from '@holdfast/protocol/limits';
import type { Resume } from '@holdfast/protocol/up';
import type { Position } from '@holdfast/protocol/position-order';
import type { Connection } from './connection.ts';

export type Collected =
  | { kind: 'more' }
  | { kind: 'complete'; positions: ReadonlyMap<string, Position> }
  /** The connection is to be closed as one that sent a bad frame. */
  | { kind: 'refused'; why: string };

/**
 * Collects the positions of a resume that comes in several frames. Holds at most MAX_RESUME_POSITIONS a connection, and
 * nothing for a connection whose resume came in one frame or is over.
 */
export class ResumeFrames {
  /** Weak: a connection that ends in between needs no clean-up. */
  readonly #collecting = new WeakMap<Connection, Map<string, Position>>();

  add(connection: Connection, { positions, more = false }: Resume): Collected {
    const collected = this.#collecting.get(connection) ?? new Map<string, Position>();
    const refused = addTo(collected, positions);
    if (refused !== null || !more) this.#collecting.delete(connection);
    else this.#collecting.set(connection, collected);
    if (refused !== null) return { kind: 'refused', why: refused };
    return more ? { kind: 'more' } : { kind: 'complete', positions: collected };
  }
}

/** Returns why the positions cannot be added, or null. */
function addTo(collected: Map<string, Position>, positions: Resume['positions']): string | null {
  for (const [topic, position] of Object.entries(positions)) {
    // Which of two positions is meant cannot be known: the later one would skip messages, the earlier one repeat them.
    if (collected.has(topic)) return `positions.${topic}: must be in one frame of the resume only`;
    if (collected.size === MAX_RESUME_POSITIONS) {
      return `positions: must be at most ${MAX_RESUME_POSITIONS} in all frames of a resume`;
    }
    collected.set(topic, position);
  }
  return null;
}
