import type { Position } from '@holdfast/protocol/position-order';
import type { Entry } from './checker.ts';

/**
 * The distinct messages that anybody in this process received on one topic, numbered in the order of their first
 * arrival. As long as nothing goes wrong that is the order of ids, and each client has received a prefix of it.
 */
export class Journal {
  readonly entries: Entry[] = [];
  readonly #numbers = new Map<string, number>();

  /** The number of a message: the same for every arrival of the same id with the same payload. */
  numberOf(id: Position, digest: string): number {
    const key = `${id} ${digest}`;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.entries.length;
      this.entries.push({ id, digest });
      this.#numbers.set(key, number);
    }
    return number;
  }
}
