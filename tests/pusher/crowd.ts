import { WebSocket } from 'ws';

/** What pusher-js 8.6 does after an end, and how long it waits; measured, and checked against its source. */
type Next = { again: true; afterMs: number } | { again: false };

const RETRY_MS = 1000;
/** It waits so long for `connection_established`, and then tries again. */
const HANDSHAKE_MS = 15_000;
/** After a handshake that was refused in HTTP, or a connection that was. */
const REFUSED_MS = 15_000;

/** By a close code, or by that of a `pusher:error` as the first frame. */
function nextAfter(code: number): Next {
  if (code < 4000) return { again: true, afterMs: RETRY_MS };
  if (code === 4000) return { again: true, afterMs: 0 };
  if (code < 4100) return { again: false };
  if (code < 4200) return { again: true, afterMs: RETRY_MS };
  return code < 4300 ? { again: true, afterMs: 0 } : { again: false };
}

/** One connection of a member, from its handshake to its end. */
export interface Life {
  /** The count of events of which publishing had begun when it was subscribed; null until it is. */
  subscribedAt: number | null;
  /** The numbers of the events that it received, in order. */
  readonly received: number[];
  /** Null while it lasts. */
  ended: number | null;
}

export interface CrowdOptions {
  key: string;
  /** Where a handshake goes, as a balancer decides it. */
  url: () => string;
  channel: string;
  /** How many events have been published, or are about to be. */
  published: () => number;
}

/**
 * A WebSocket client that connects, subscribes and comes back as pusher-js does, at a fraction of its cost. It reads events
 * whose data is a number.
 */
export class Member {
  readonly lives: Life[] = [];
  /** Close codes after which pusher-js does not come back. */
  stopped: number | null = null;
  readonly #options: CrowdOptions;
  #ws: WebSocket | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: CrowdOptions) {
    this.#options = options;
    this.#connect();
  }

  get life(): Life | undefined {
    return this.lives.at(-1);
  }

  get isSubscribed(): boolean {
    return this.life?.ended === null && this.life.subscribedAt !== null;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#ws?.removeAllListeners();
    this.#ws?.on('error', () => undefined);
    this.#ws?.terminate();
  }

  #connect(): void {
    const { key, url, channel, published } = this.#options;
    const ws = new WebSocket(`${url()}/app/${key}?protocol=7&client=js&version=8.6.0&flash=false`, {
      perMessageDeflate: false,
    });
    const life: Life = { subscribedAt: null, received: [], ended: null };
    this.lives.push(life);
    this.#ws = ws;
    let isOpen = false;
    let isFirst = true;
    const end = (code: number, next: Next): void => {
      if (life.ended !== null) return;
      life.ended = code;
      clearTimeout(this.#timer);
      ws.terminate();
      if (next.again) this.#timer = setTimeout(() => this.#connect(), next.afterMs);
      else this.stopped = code;
    };
    this.#timer = setTimeout(() => end(1000, { again: true, afterMs: 0 }), HANDSHAKE_MS);
    ws.on('open', () => (isOpen = true));
    ws.on('error', () => undefined);
    ws.on('close', (code) => end(code, isOpen ? nextAfter(code) : { again: true, afterMs: REFUSED_MS }));
    ws.on('message', (text: Buffer) => {
      const frame = JSON.parse(text.toString()) as { event: string; data?: string | { code: number } };
      if (isFirst) {
        isFirst = false;
        clearTimeout(this.#timer);
        if (frame.event === 'pusher:error') {
          const { code } = frame.data as { code: number };
          end(code, nextAfter(code));
        } else ws.send(JSON.stringify({ event: 'pusher:subscribe', data: { auth: '', channel } }));
        return;
      }
      if (frame.event === 'pusher_internal:subscription_succeeded') life.subscribedAt = published();
      else if (frame.event === 'number') life.received.push(Number(frame.data));
    });
  }
}

/**
 * What is wrong with what a life received: it should have each event once and in order, beginning with those that were
 * published after it was subscribed.
 * @param last the number of the last event, for a life that lasts; null for one that ended
 */
export function faultOf({ subscribedAt, received }: Life, last: number | null): string | null {
  for (const [index, number] of received.entries()) {
    const before = received[index - 1];
    if (before !== undefined && number !== before + 1) return `${number} came after ${before}`;
  }
  if (subscribedAt === null || received.length === 0) return last === null ? null : 'it received nothing';
  const [first = 0] = received;
  // Of an event that was under way both is right.
  if (first > subscribedAt) return `subscribed after ${subscribedAt} events, it began with number ${first}`;
  if (last !== null && received.at(-1) !== last) return `it ended with ${received.at(-1)} and not with ${last}`;
  return null;
}
