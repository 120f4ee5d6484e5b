/** A message to be published: JSON text. */
export interface Message {
  topic: number;
  data: string;
}

/** The shortest message: with its stamp. */
export const MIN_MESSAGE_BYTES = 60;
const SEQUENCE_DIGITS = 10;
const TIME_DIGITS = 19;

/**
 * A message as JSON of exactly `bytes` bytes. The generators find the stamp in it, whatever a protocol puts around it:
 * which of a connection's topics, the number within the topic, and when it was published. See
 * native/generator/messages.c.
 */
export function encodeMessage(slot: 0 | 1, sequence: number, publishedAt: bigint, bytes: number): string {
  const number = String(sequence).padStart(SEQUENCE_DIGITS, '0');
  const time = String(publishedAt).padStart(TIME_DIGITS, '0');
  const bare = `{"stamp":"@${slot}.${number}.${time}@","text":""}`;
  return `${bare.slice(0, -2)}${'x'.repeat(Math.max(0, bytes - bare.length))}"}`;
}

/** Numbers the messages of each topic from 1, as the generators expect them. */
export class Stamper {
  readonly #bytes: number;
  readonly #last = new Map<number, number>();

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** The next message of a topic, stamped with now. */
  next(topic: number, slot: 0 | 1 = 0): string {
    const sequence = (this.#last.get(topic) ?? 0) + 1;
    this.#last.set(topic, sequence);
    return encodeMessage(slot, sequence, process.hrtime.bigint(), this.#bytes);
  }
}
