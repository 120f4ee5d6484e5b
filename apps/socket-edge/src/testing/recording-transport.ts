import type { DownFrame } from '@holdfast/protocol/down';
import type { Transport } from '../transport/transport.ts';
import { PING_FRAME } from '../transport/frames.ts';
import { readFrames } from './read-frames.ts';

/** A socket that keeps what it is given. Stopped, it is one whose peer does not read: what it is given piles up. */
export class RecordingTransport implements Transport {
  /** Each call of `send`. */
  readonly writes: Buffer[] = [];
  closed: { code: number; reason: string } | null = null;
  terminated = false;
  pings = 0;
  stopped = false;
  bufferedBytes = 0;
  mostBufferedBytes = 0;

  send(frames: Buffer): void {
    if (frames === PING_FRAME) {
      this.pings += 1;
      return;
    }
    this.writes.push(frames);
    if (!this.stopped) return;
    this.bufferedBytes += frames.length;
    this.mostBufferedBytes = Math.max(this.mostBufferedBytes, this.bufferedBytes);
  }

  close(code: number, reason: string): void {
    this.closed ??= { code, reason };
  }

  terminate(): void {
    this.terminated = true;
  }

  /** The peer reads again, and has read everything. Whoever owns the connection calls its `onDrain`. */
  resume(): void {
    this.stopped = false;
    this.bufferedBytes = 0;
  }

  /** Every frame so far. */
  get frames(): DownFrame[] {
    return this.writes.flatMap((write) => readFrames(write).map((text) => JSON.parse(text) as DownFrame));
  }

  /** The frames of one type. */
  of<Type extends DownFrame['type']>(type: Type): Extract<DownFrame, { type: Type }>[] {
    return this.frames.filter((frame): frame is Extract<DownFrame, { type: Type }> => frame.type === type);
  }

  /** The ids of the messages of a topic, in the order in which they came. */
  idsOf(topic: string): string[] {
    return this.of('message').flatMap((frame) => (frame.topic === topic ? [frame.id] : []));
  }
}
