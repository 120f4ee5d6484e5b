import { type HoldfastClient, connect } from '@holdfast/client/connect';
import type { Positions } from '@holdfast/client/position-book';
import { monotonicMs } from '@holdfast/harness/clock';
import { type Position, comparePositions } from '@holdfast/protocol/position-order';
import { type ClientOptions, WebSocket } from 'ws';
import type { Arrived, DesiredTopic, Expectation, LogEvent, MemberLog } from '../checker/log.ts';
import { tokenOf } from '../payload.ts';
import { PRESENCE_TOPIC, type Span } from '../presence/log.ts';
import { Watch } from '../presence/watch.ts';

/** What the SDK is given as the options of its WebSocket: `onSocket` gets every socket that it makes. */
interface WatchedOptions extends ClientOptions {
  onSocket: (socket: WebSocket) => void;
}

/** The WebSocket of `ws`, handed out, to be hurt. */
class WatchedSocket extends WebSocket {
  constructor(url: string, protocols: string[], { onSocket, ...options }: WatchedOptions) {
    super(url, protocols, options);
    onSocket(this);
  }
}

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

export interface MemberOptions {
  member: number;
  clientId: string;
  expectation: Expectation;
  edgeUrls: readonly string[];
  arrivals: Arrivals;
  desiredTopics?: DesiredTopic[];
}

/** One client: the SDK, and a log of all that it saw. */
export class Member implements MemberLog {
  readonly member: number;
  readonly clientId: string;
  /** Twins share theirs. */
  readonly desiredTopics: DesiredTopic[];
  readonly events: LogEvent[] = [];
  expectation: Expectation;
  wasPaused = false;
  /** The edge that holds its connection, or did so last. */
  edge = '';
  /** Where the SDK stands, for people. */
  standing = 'not connected yet';
  /** Close codes of connections that ended, with how often. */
  readonly closes = new Map<number, number>();
  /** When it was connected and subscribed to the topic with presence. */
  readonly spans: Span[] = [];
  /** What it saw of that topic's presence; undefined for one that does not look. */
  watch: Watch | undefined;
  readonly #options: MemberOptions;
  /** The latest id handed out, or position after a loss, of each topic. */
  readonly #reached = new Map<string, Position>();
  #client: HoldfastClient | undefined;
  #socket: WebSocket | undefined;
  #isOpen = false;
  #positions: Positions = {};
  #onClosed: (reason: string) => void = () => undefined;

  constructor(options: MemberOptions) {
    this.member = options.member;
    this.clientId = options.clientId;
    this.expectation = options.expectation;
    this.desiredTopics = options.desiredTopics ?? [];
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Topics that it wants now. */
  get topics(): string[] {
    return this.desiredTopics.filter(({ endAskedAt }) => endAskedAt === null).map(({ topic }) => topic);
  }

  /** Connects, and stays connected until `close`. After an end it goes on from where it was. */
  connect(onClosed?: (reason: string) => void): void {
    if (onClosed !== undefined) this.#onClosed = onClosed;
    const { edgeUrls, clientId, arrivals } = this.#options;
    const resume = this.expectation !== 'each-session';
    const webSocketOptions: WatchedOptions = {
      perMessageDeflate: false,
      onSocket: (socket) => {
        this.#socket = socket;
      },
    };
    const client = connect({
      urls: edgeUrls,
      clientId,
      resume,
      presence: this.#isWatching,
      ...(resume ? { positions: this.#positions } : {}),
      WebSocket: WatchedSocket as never,
      webSocketOptions,
    });
    this.#client = client;
    if (this.#isWatching) {
      this.watch ??= new Watch();
      this.watch.begin(client);
    }
    let latest: Extract<LogEvent, { kind: 'message' }> | undefined;
    client.on('frame', (text) => {
      const message = arrivals.read(text);
      if (message === undefined) return;
      latest = { kind: 'message', at: monotonicMs(), message, handedOut: false };
      this.events.push(latest);
    });
    client.on('message', ({ topic, id }) => {
      // Its frame came just before.
      if (latest?.message.id === id && latest.message.topic === topic) latest.handedOut = true;
      this.#reached.set(topic, id);
    });
    client.on('welcome', ({ topics, connection }) => {
      this.#isOpen = true;
      this.edge = connection.slice(0, connection.lastIndexOf('-'));
      const entries = Object.entries(topics).map(
        ([topic, { position, recovered }]) => [topic, { position, recovered }] as const,
      );
      this.events.push({ kind: 'session', at: monotonicMs(), topics: new Map(entries) });
      this.watch?.connected();
      this.#isThere(PRESENCE_TOPIC in topics);
    });
    client.on('subscribed', ({ topic, position }) => {
      this.events.push({ kind: 'subscribed', at: monotonicMs(), topic, position });
      if (topic === PRESENCE_TOPIC) this.#isThere(true);
    });
    client.on('unsubscribed', ({ topic }) => {
      if (topic === PRESENCE_TOPIC) this.#isThere(false);
    });
    client.on('lost', ({ topic, after, position }) => {
      this.events.push({ kind: 'lost', at: monotonicMs(), topic, after, position });
      this.#reached.set(topic, position);
    });
    client.on('state', (change) => {
      this.standing = change.state === 'waiting' ? `waiting after ${change.code}, ${change.why}` : change.state;
      if (change.state === 'waiting') this.#ended(change.code);
    });
    client.on('closed', ({ reason, code }) => {
      this.#positions = client.positions();
      if (code !== undefined) this.#ended(code);
      else this.#gone();
      this.#isOpen = false;
      this.standing = `closed, ${reason}`;
      this.#onClosed(reason);
    });
  }

  /** Calls back, in place of the callback before, when the SDK gives up: with its reason. */
  whenClosed(onClosed: (reason: string) => void): void {
    this.#onClosed = onClosed;
  }

  /** Those from whom connections are taken on purpose only come and go. */
  get #isWatching(): boolean {
    return this.expectation !== 'order' && this.topics.includes(PRESENCE_TOPIC);
  }

  /** Whether everything up to these positions has come, of the topics that it wants. */
  hasReached(positions: Readonly<Record<string, Position>>): boolean {
    return this.desiredTopics.every(({ topic, endAskedAt }) => {
      const position = positions[topic];
      if (position === undefined || endAskedAt !== null) return true;
      const reached = this.#reached.get(topic);
      return reached !== undefined && comparePositions(reached, position) >= 0;
    });
  }

  /** Stops reading what comes; gives the function that goes on. */
  pause(): () => void {
    const socket = this.#socket;
    this.wasPaused = true;
    socket?.pause();
    return () => socket?.resume();
  }

  /** The registration is gone, or about to go. */
  endDesired(at: number): void {
    for (const desired of this.desiredTopics) desired.endAskedAt ??= at;
  }

  close(): void {
    this.#client?.close();
  }

  /** Its connection breaks without a goodbye; it comes back by itself. */
  cut(): void {
    this.#socket?.terminate();
  }

  #ended(code: number): void {
    this.closes.set(code, (this.closes.get(code) ?? 0) + 1);
    // An attempt that came to nothing was no connection.
    if (this.#isOpen) this.events.push({ kind: 'ended', at: monotonicMs(), code });
    this.#gone();
    this.#isOpen = false;
  }

  #gone(): void {
    if (this.#isOpen) this.watch?.disconnected();
    this.#isThere(false);
  }

  #isThere(isThere: boolean): void {
    const last = this.spans.at(-1);
    const wasThere = last?.to === null;
    if (isThere && !wasThere) this.spans.push({ from: monotonicMs(), to: null });
    else if (!isThere && wasThere) last.to = monotonicMs();
  }
}
