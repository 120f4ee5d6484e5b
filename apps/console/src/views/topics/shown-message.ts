import { printed } from '../../state/exact-json.ts';

export interface ShownMessage {
  readonly id: string;
  readonly data: unknown;
  /** Of one that was seen arriving, in milliseconds. */
  readonly latencyMs?: number;
}

/** The data as text in small letters, made once for each message: hundreds are looked through with each drawing. */
const texts = new WeakMap<ShownMessage, string>();

/** Whether a message has the text in its id or its data; '' is in each. */
export function contains(message: ShownMessage, text: string): boolean {
  const wanted = text.toLowerCase();
  return wanted === '' || message.id.includes(wanted) || textOf(message).includes(wanted);
}

function textOf(message: ShownMessage): string {
  const known = texts.get(message);
  if (known !== undefined) return known;
  const text = printed(message.data).toLowerCase();
  texts.set(message, text);
  return text;
}
