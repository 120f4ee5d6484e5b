import { monotonicMs } from '@holdfast/harness/clock';
import { tokenOf } from '../payload.ts';
import type { Span } from '../presence/log.ts';
import type { App } from './app.ts';
import { type MemberPlan, PRESENCE_CHANNEL } from './channels.ts';
import { PusherClient } from './client.ts';
import { readFrame, subscribeFrame } from './frames.ts';
import type { MemberLog, Received, Subscription } from './log.ts';
import { ChannelWatch } from './watch.ts';

/** The event that publishers send. */
export const EVENT = 'prove';
const MARK = `{"event":"${EVENT}"`;

/** A message as it came. */
interface Arrived {
  channel: string;
  token: string;
}

/** The messages that reached the clients of this process: thousands receive the same ones, and each is parsed once. */
export class Arrivals {
  readonly #byText = new Map<string, Arrived>();

  /** Undefined for a frame of another kind. */
  read(text: string): Arrived | undefined {
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    if (!text.startsWith(MARK)) return undefined;
    const frame = readFrame(text);
    const arrived = { channel: frame?.channel ?? '', token: tokenIn(frame?.data) };
    this.#byText.set(text, arrived);
    return arrived;
  }
}

/** Strict clients take nothing but a string. */
function tokenIn(data: unknown): string {
  try {
    return tokenOf(typeof data === 'string' ? JSON.parse(data) : undefined);
  } catch {
    return tokenOf(undefined);
  }
}

export interface MemberOptions extends MemberPlan {
  app: App;
  edgeUrls: readonly string[];
  random: () => number;
  arrivals: Arrivals;
}

interface Current extends Subscription {
  until: number | null;
  received: Received[];
}

/** One client: it subscribes to all its channels on each of its connections, and logs what it sees. */
export class Member implements MemberLog {
  readonly member: number;
  readonly user: string;
  readonly channels: readonly string[];
  readonly subscriptions: Current[] = [];
  readonly unexpected: Received[] = [];
  readonly handshakes: number[] = [];
  /** What no client should see, each as a sentence. */
  readonly complaints: string[] = [];
  /** Close codes of connections that ended, with how often. */
  readonly closes = new Map<number, number>();
  /** When it was subscribed to the presence channel. */
  readonly spans: Span[] = [];
  readonly watch: ChannelWatch | undefined;
  readonly wasPaused = false;
  readonly #client: PusherClient;
  readonly #arrivals: Arrivals;
  readonly #current = new Map<string, Current>();

  constructor({ member, user, channels, arrivals, app, edgeUrls, random }: MemberOptions) {
    this.member = member;
    this.user = user;
    this.channels = channels;
    this.#arrivals = arrivals;
    this.watch = channels.includes(PRESENCE_CHANNEL) ? new ChannelWatch() : undefined;
    this.#client = new PusherClient({
      app,
      edgeUrls,
      random,
      onHandshake: () => this.handshakes.push(monotonicMs()),
      onEstablished: (socketId) => {
        for (const channel of channels) this.#client.send(subscribeFrame(app, socketId, channel, user));
      },
      onText: (text) => this.#receive(text),
      onEnd: (code) => this.#end(code),
      onComplaint: (sentence) => this.complaints.push(sentence),
    });
  }

  connect(): void {
    this.#client.connect();
  }

  close(): void {
    this.#client.close();
  }

  /** Whether it has a connection, and is subscribed to all its channels. */
  get isOpen(): boolean {
    return this.#current.size === this.channels.length;
  }

  /** Whether its present connection received the message that is named for each of its channels. */
  hasReached(tokens: Readonly<Record<string, string>>): boolean {
    const has = (channel: string) =>
      !(channel in tokens) ||
      this.#current.get(channel)?.received.findLast(({ token }) => token === tokens[channel]) !== undefined;
    return this.isOpen && this.channels.every(has);
  }

  describe(): string {
    const missing = this.channels.filter((channel) => !this.#current.has(channel));
    const state = this.#client.isEstablished ? `not subscribed to ${missing.join(', ')}` : 'without a connection';
    return `member ${this.member} (${missing.length === 0 ? 'subscribed' : state}, ${this.handshakes.length} handshakes)`;
  }

  #receive(text: string): void {
    const arrived = this.#arrivals.read(text);
    if (arrived === undefined) {
      this.#change(text);
      return;
    }
    const { channel, token } = arrived;
    const received = { token, at: monotonicMs() };
    const subscription = this.#current.get(channel);
    if (subscription === undefined) this.unexpected.push(received);
    else subscription.received.push(received);
  }

  #change(text: string): void {
    const frame = readFrame(text);
    const { event, channel = '' } = frame ?? { event: 'no JSON' };
    if (frame === null || event === 'pusher:subscription_error') {
      this.complaints.push(`${event} came: ${text.slice(0, 200)}`);
    } else if (event === 'pusher_internal:subscription_succeeded') {
      this.#subscribed(channel);
      if (channel === PRESENCE_CHANNEL) this.watch?.subscribed(frame);
    } else if (channel === PRESENCE_CHANNEL && event === 'pusher_internal:member_added') {
      this.watch?.changed('joined', frame);
    } else if (channel === PRESENCE_CHANNEL && event === 'pusher_internal:member_removed') {
      this.watch?.changed('left', frame);
    }
  }

  #subscribed(channel: string): void {
    if (this.#current.has(channel)) {
      this.complaints.push(`subscription_succeeded came twice for ${channel}`);
      return;
    }
    const subscription = { channel, since: monotonicMs(), until: null, received: [] };
    this.#current.set(channel, subscription);
    this.subscriptions.push(subscription);
    if (channel === PRESENCE_CHANNEL) this.spans.push({ from: subscription.since, to: null });
  }

  #end(code: number): void {
    this.closes.set(code, (this.closes.get(code) ?? 0) + 1);
    const at = monotonicMs();
    for (const subscription of this.#current.values()) subscription.until = at;
    if (this.#current.has(PRESENCE_CHANNEL)) {
      this.watch?.ended();
      const span = this.spans.at(-1);
      if (span !== undefined) span.to = at;
    }
    this.#current.clear();
  }
}
