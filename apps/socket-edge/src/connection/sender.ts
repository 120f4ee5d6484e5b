import type { Transport } from '../transport/transport.ts';
import type { Counters } from '../counters.ts';

/** Past this a connection leaves the live subscribers and keeps only its positions: a reader that stops costs no more. */
const CONGESTED_BYTES = 64 * 1024;
/** What may still be added for frames that are not messages; past it the connection is closed. */
const OVERFLOW_BYTES = CONGESTED_BYTES + 128 * 1024;

export type Phase =
  /** Opened with `?resume=1`: its first frame is awaited. */
  | 'awaiting-resume'
  /** The start positions of its topics are being looked up. */
  | 'attaching'
  /** The welcome is out. */
  | 'open'
  | 'closed';

/**
 * The sending side of a connection, of whatever protocol: what may wait for its socket is bounded. A base class, for it
 * costs no object of its own, and without private methods: for them each object has one more field.
 */
export abstract class Sender {
  readonly transport: Transport;
  phase: Phase;
  /** It is sent no messages: it does not own its client yet, or the client's state is not known. */
  suspended = false;
  /** Too much waits for the socket: nothing more is sent until `onDrain`. */
  congested = false;
  /** Since when, in milliseconds of the monotonic clock. */
  congestedSince = 0;
  /** Bytes that it was sent apart from others, of what it had missed. */
  caughtUpBytes = 0;
  protected readonly counters: Counters;

  constructor(transport: Transport, phase: Phase, counters: Counters) {
    this.transport = transport;
    this.phase = phase;
    this.counters = counters;
  }

  /** Closes it, because it does not take what it is sent. */
  abstract closeSlow(): void;

  /** It leaves the live subscribers of its topics, and keeps its positions. */
  protected abstract lag(): void;

  /** It gets what it missed on its topics, as far as it takes that. */
  protected abstract catchUp(): void;

  /** Whether it can be sent no messages now. */
  get blocked(): boolean {
    return this.congested || this.suspended;
  }

  /** Sends no messages until `resume`: it leaves the live subscribers and keeps its positions. */
  suspend(): void {
    if (this.suspended || this.phase === 'closed') return;
    this.suspended = true;
    this.lag();
  }

  /** Sends messages again, and what it missed on its topics. Returns whether it was suspended. */
  resume(): boolean {
    const { suspended } = this;
    this.suspended = false;
    if (suspended && !this.blocked) this.catchUp();
    return suspended;
  }

  /** Sends the frames of so many messages. The caller respects `congested`, and what it was given before it became so has been sent. */
  send(frames: Buffer, messages: number): void {
    if (this.phase === 'closed') return;
    this.caughtUpBytes += frames.length;
    this.counters.deliveries += messages;
    this.counters.deliveredBytes += frames.length;
    this.transport.send(frames);
    this.onWaiting();
  }

  /** Sends a frame that is not a message: also while congested, within a bound. */
  sendFrame(frame: Buffer): void {
    if (this.phase === 'closed') return;
    if (this.transport.bufferedBytes > OVERFLOW_BYTES) {
      this.counters.evictedOverflow += 1;
      this.closeSlow();
      return;
    }
    this.transport.send(frame);
    this.onWaiting();
  }

  /** Something was sent, and may wait for the socket. */
  onWaiting(): void {
    if (this.transport.bufferedBytes <= CONGESTED_BYTES || this.congested) return;
    this.congested = true;
    this.congestedSince = performance.now();
    this.counters.slowConsumers += 1;
    this.lag();
  }

  /** The socket has taken all that waited. */
  onDrain(): void {
    if (!this.congested || this.phase === 'closed') return;
    this.congested = false;
    if (!this.blocked) this.catchUp();
  }
}
