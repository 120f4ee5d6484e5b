import type { Position } from '@holdfast/protocol/position-order';
import type { Frame } from '../history/events.ts';

/** So many earlier positions of a topic are kept, for a resume from one of them. */
const KEPT = 20;

/** Where a client stands in each topic, as section 4 of the protocol has it. */
export class Positions {
  readonly #reached = new Map<string, Position[]>();

  take(frame: Frame): void {
    if (frame.type === 'message') this.#add(frame.topic, frame.id);
    else if (frame.type === 'subscribed' || frame.type === 'lost') this.#add(frame.topic, frame.position);
    else if (frame.type === 'unsubscribed') this.#reached.delete(frame.topic);
    else {
      for (const [topic, { position, recovered }] of Object.entries(frame.topics)) {
        if (recovered !== true || !this.#reached.has(topic)) this.#add(topic, position);
      }
    }
  }

  latest(): Record<string, Position> {
    return this.#each((positions) => positions.at(-1));
  }

  /** Some that were reached before; `share` in [0, 1) says how far back. */
  older(share: number): Record<string, Position> {
    return this.#each((positions) => positions[Math.floor(share * positions.length)]);
  }

  #each(choose: (positions: readonly Position[]) => Position | undefined): Record<string, Position> {
    const chosen = Array.from(this.#reached, ([topic, positions]) => [topic, choose(positions)] as const);
    return Object.fromEntries(
      chosen.flatMap(([topic, position]) => (position === undefined ? [] : [[topic, position]])),
    );
  }

  #add(topic: string, position: Position): void {
    const positions = this.#reached.get(topic) ?? [];
    positions.push(position);
    if (positions.length > KEPT) positions.shift();
    this.#reached.set(topic, positions);
  }
}
