import type { Position } from '@holdfast/protocol/position-order';
import type { Arrived } from '../checker/log.ts';
import { tokenOf } from '../payload.ts';

/**
 * The messages that reached the clients of this process. Thousands receive the same ones: each is kept once, and a text
 * that came before is not parsed again.
 */
export class Arrivals {
  readonly #byText = new Map<string, Arrived>();

  /** The message in the text of a frame; undefined for a frame of another kind. */
  read(text: string): Arrived | undefined {
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    if (!text.startsWith('{"type":"message"')) return undefined;
    const { topic, id, data } = JSON.parse(text) as { topic: string; id: Position; data: unknown };
    const arrived = { topic, id, token: tokenOf(data) };
    this.#byText.set(text, arrived);
    return arrived;
  }
}
