import { hash } from 'node:crypto';

/** What a load message says of itself. */
export interface Payload {
  run: string;
  /** Which message of the run. */
  n: number;
  /** When it was sent, in milliseconds of the monotonic clock. */
  sentAt: number;
}

/** The shortest payload: with a run, a number and a time of the most digits. */
export const MIN_PAYLOAD_BYTES = 100;

/** The payload as JSON text of exactly `bytes` bytes. */
export function encodePayload({ run, n, sentAt }: Payload, bytes: number): string {
  const bare = JSON.stringify({ run, n, sentAt: Math.round(sentAt * 1000) / 1000, pad: '' });
  return `${bare.slice(0, -2)}${'x'.repeat(Math.max(0, bytes - bare.length))}"}`;
}

/** The payload in a decoded value; undefined when it is not one of this run. */
export function payloadOf(value: unknown, run: string): Payload | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { run: ofRun, n, sentAt } = value as Partial<Payload>;
  if (ofRun !== run || typeof n !== 'number' || typeof sentAt !== 'number') return undefined;
  return { run, n, sentAt };
}

/** By which two payloads' bytes are compared. */
export function digestOf(payloadText: string): string {
  return hash('sha1', payloadText, 'base64');
}
