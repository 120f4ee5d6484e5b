import { randomBytes } from 'node:crypto';
import { pingFrame } from '../transport/frames.ts';
import type { Transport } from '../transport/transport.ts';

/** A survey waits for its answer for 1.5 s. */
const PATIENCE_MS = 700;
const NONCE_BYTES = 6;

interface Pinged {
  readonly transport: Transport;
}

/** Finds out whether what was written to a connection has arrived: its client answers a ping, which comes after that. */
export class Arrivals {
  readonly #waiting = new Map<string, { of: Pinged; resolve: (arrived: boolean) => void }>();

  /** Whether what has been written so far arrives; false when no answer came in time. */
  async confirm(connection: Pinged): Promise<boolean> {
    const nonce = randomBytes(NONCE_BYTES).toString('base64url');
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(resolve, PATIENCE_MS, false);
    this.#waiting.set(nonce, { of: connection, resolve });
    connection.transport.send(pingFrame(nonce));
    const arrived = await promise;
    clearTimeout(timer);
    this.#waiting.delete(nonce);
    return arrived;
  }

  /** @param payload of a pong; those that answer the heartbeat have none */
  onPong(connection: Pinged, payload: Buffer): void {
    const waiting = this.#waiting.get(payload.toString());
    if (waiting?.of === connection) waiting.resolve(true);
  }
}
