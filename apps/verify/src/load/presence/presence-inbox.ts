import type { DownFrame, Welcome } from '@holdfast/protocol/down';
import { BEGINNING, type Position } from '@holdfast/protocol/position-order';
import { monotonicMs } from '@holdfast/harness/clock';
import { readDownText } from '../down-text.ts';
import { FrameCache } from '../frame-cache.ts';
import type { WatchedMap } from './watched-map.ts';

/**
 * Reads what the clients of one process receive on their topic, on which nothing is published: those that watch, the
 * first ones, keep a map of who is present.
 */
export class PresenceInbox {
  readonly #topic: string;
  readonly #maps: readonly WatchedMap[];
  readonly #onUnasked: (client: number, text: string) => void;
  readonly #cache = new FrameCache<DownFrame>();
  #position: Position = BEGINNING;
  /** When the last frame of presence came, in milliseconds of the shared monotonic clock. */
  lastFrameAt: number | null = null;

  constructor(topic: string, maps: readonly WatchedMap[], onUnasked: (client: number, text: string) => void) {
    this.#topic = topic;
    this.#maps = maps;
    this.#onUnasked = onUnasked;
  }

  /** Books one text frame; a welcome is given back. */
  take(client: number, bytes: Buffer, from: number, to: number): Welcome | undefined {
    const frame = this.#cache.find(bytes, from, to) ?? this.#read(bytes, from, to);
    const map = this.#maps[client];
    if (frame?.type === 'welcome') {
      this.#position = frame.topics[this.#topic]?.position ?? this.#position;
      map?.begin();
      return frame;
    }
    if (frame?.type === 'presence' && frame.topic === this.#topic && map !== undefined) {
      this.lastFrameAt = monotonicMs();
      map.take(frame, to - from);
    } else {
      this.#onUnasked(client, bytes.toString('utf8', from, Math.min(to, from + 200)));
    }
    return undefined;
  }

  begin(): void {
    // The welcome was read already.
  }

  announceGap(): void {
    // Nothing was published.
  }

  positionsOf(): Record<string, Position> {
    return { [this.#topic]: this.#position };
  }

  #read(bytes: Buffer, from: number, to: number): DownFrame | undefined {
    const read = readDownText(bytes.toString('utf8', from, to));
    if (!read.ok) return undefined;
    if (read.frame.type === 'presence') this.#cache.keep(bytes, from, to, read.frame);
    return read.frame;
  }
}
