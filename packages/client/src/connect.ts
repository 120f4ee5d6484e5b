import { closeCodes } from '@holdfast/protocol/close-codes';
import type { DownFrame } from '@holdfast/protocol/down';
import type { Welcome } from '@holdfast/protocol/down';
import { CREDENTIAL_SUBPROTOCOL_PREFIX, SUBPROTOCOL } from '@holdfast/protocol/version';
import { ReconnectTimer, backoffMs } from './backoff.ts';
import type { ConnectOptions, MessagesOptions, SocketConstructor } from './connect-options.ts';
import { type ClientEvents, type Closed, type ClosedReason, type StateChange, Emitter } from './events.ts';
import { MessageStream } from './message-stream.ts';
import { type PageEvent, watchPage } from './page-events.ts';
import { type Positions, PositionBook } from './position-book.ts';
import { RegistrationCheck } from './registration-check.ts';
import { type Session, type SessionEnd, NO_CLOSE_FRAME, startSession } from './session.ts';
import { type NextUrl, urlRotation } from './url-rotation.ts';

/** A connection that lived this long after its welcome was a good one: the next failure starts with a small delay again. */
const STABLE_MS = 5000;
/** Some megabytes of small messages: a loop that lags further will not catch up. */
const MAX_BUFFERED = 10_000;
/** How long after it was abandoned a handshake may still be accepted by an edge under load: longer than its own deadline. */
const LATE_ATTEMPT_MS = 30_000;
/** How long a connection may take to show that it outlived a change of the network: a round trip, and back within a second. */
const PROBE_ONLINE_MS = 500;
/** As long as a slow network may take, because a tab is looked at again all the time. */
const PROBE_MS = 2000;

const stopReasons: ReadonlyMap<number, ClosedReason> = new Map([
  [closeCodes.badFrame.code, 'bad-frame'],
  [closeCodes.disconnected.code, 'disconnected'],
  [closeCodes.replaced.code, 'replaced'],
  [closeCodes.unregistered.code, 'unregistered'],
] as const);

/**
 * Connects a registered client and keeps it connected: reconnects, resumes, and hands out each message once. Raises
 * TypeError when the options cannot work; whatever happens later comes as an event.
 */
export function connect(options: ConnectOptions): HoldfastClient {
  return new HoldfastClient(options);
}

export type { ConnectOptions, HoldfastClient, MessagesOptions };

class HoldfastClient {
  /** Settles with the last event; never rejects. */
  readonly closed: Promise<Closed>;
  readonly #options: ConnectOptions;
  readonly #WebSocket: SocketConstructor;
  readonly #nextUrl: NextUrl;
  readonly #book: PositionBook;
  readonly #streams = new Set<{ topic: string | undefined; stream: MessageStream }>();
  readonly #emitter: Emitter<ClientEvents>;
  readonly #aborted = (): void => this.#finish('aborted');
  readonly #registration: RegistrationCheck | undefined;
  readonly #stopWatching: () => void;
  readonly #reconnect = new ReconnectTimer(() => this.#retryNow());
  /** The first `connecting`, until it is emitted. */
  #first: StateChange | undefined;
  #state: StateChange['state'] = 'connecting';
  #session: Session | undefined;
  #url = '';
  /** Until when each attempt that ended without a welcome may still be accepted by its edge. */
  #lateAttempts: number[] = [];
  #welcomedAt: number | undefined;

  constructor(options: ConnectOptions) {
    const { url, urls = url === undefined || url === null ? [] : [url], clientId, signal, controlUrl, fetch } = options;
    const { WebSocket = globalThis.WebSocket } = options;
    if (typeof WebSocket !== 'function') throw new TypeError('no WebSocket on this platform: Node 22 or later has one');
    this.#WebSocket = WebSocket;
    this.#options = options;
    this.#nextUrl = urlRotation(urls, url ?? undefined);
    this.#book = new PositionBook(options.positions);
    this.#emitter = new Emitter((error, event) => this.#listenerThrew(error, event));
    this.closed = new Promise((resolve) => this.#emitter.on('closed', resolve));
    signal?.addEventListener('abort', this.#aborted, { once: true });
    if (controlUrl !== undefined) {
      const gone = (): void => this.#finish('unregistered');
      this.#registration = new RegistrationCheck(clientId, { controlUrl, fetch }, gone);
    }
    // A caller's listeners come after this: what happens here is emitted when they are there.
    if (signal?.aborted === true) queueMicrotask(this.#aborted);
    else {
      this.#connect();
      this.#first = { state: 'connecting', url: this.#url };
      queueMicrotask(() => this.#emitFirst());
    }
    this.#stopWatching = watchPage((event) => this.#onPageEvent(event));
  }

  get state(): StateChange['state'] {
    return this.#state;
  }

  /** How many messages came again, as after a reconnect, and were dropped. */
  get duplicates(): number {
    return this.#book.duplicates;
  }

  /**
   * The position reached in each topic, to be kept and given to `connect` later. It covers what was handed to listeners
   * and loops; a loop that must not skip what it has not finished keeps `message.id` itself.
   */
  positions(): Positions {
    return this.#book.snapshot();
  }

  /** Calls `listener` for each event of the type, in order. Gives the function that takes the listener away again. */
  on<Type extends keyof ClientEvents>(type: Type, listener: (event: ClientEvents[Type]) => void): () => void {
    return this.#emitter.on(type, listener);
  }

  /**
   * Messages from this call on, of one topic or of all, for one `for await` loop. It runs across reconnects and ends,
   * without an error, when the client closes; `closed` has the reason.
   */
  messages(topic?: string, { signal, maxBuffered = MAX_BUFFERED }: MessagesOptions = {}): MessageStream {
    const end = (): void => stream.end();
    const stream = new MessageStream(maxBuffered, () => {
      this.#streams.delete(entry);
      signal?.removeEventListener('abort', end);
    });
    const entry = { topic, stream };
    this.#streams.add(entry);
    signal?.addEventListener('abort', end, { once: true });
    if (signal?.aborted === true || this.#state === 'closed') end();
    return stream;
  }

  /** Ends it for good. The registration stays. */
  close(): void {
    this.#finish('closed');
  }

  #connect(): void {
    const { clientId, credential, resume = true, webSocketOptions } = this.#options;
    const url = this.#nextUrl();
    this.#url = url.href;
    this.#welcomedAt = undefined;
    const positions = resume && !this.#book.isEmpty ? this.#book.snapshot() : undefined;
    const protocols = [SUBPROTOCOL];
    if (credential === 'subprotocol') protocols.push(CREDENTIAL_SUBPROTOCOL_PREFIX + clientId);
    else url.searchParams.set('client', clientId);
    if (positions !== undefined) url.searchParams.set('resume', '1');
    this.#session = startSession({
      socket: new this.#WebSocket(url.href, protocols, webSocketOptions as never),
      positions,
      onText: (text) => this.#emit('frame', text),
      onFrame: (frame) => this.#receive(frame),
      onEnd: (end) => this.#ended(end),
    });
  }

  #receive(frame: DownFrame): void {
    switch (frame.type) {
      case 'welcome':
        return this.#welcome(frame);
      case 'message':
        if (!this.#book.message(frame)) return;
        this.#emit('message', frame);
        for (const { topic, stream } of this.#streams) {
          if (topic === undefined || topic === frame.topic) stream.push(frame);
        }
        return;
      case 'subscribed':
        this.#book.subscribed(frame);
        return this.#emit('subscribed', frame);
      case 'unsubscribed':
        this.#book.unsubscribed(frame.topic);
        return this.#emit('unsubscribed', frame);
      case 'lost':
        if (this.#book.lost(frame)) this.#emit('lost', frame);
        return;
      case 'pong':
      case 'expiring':
      case 'presence':
        return;
    }
  }

  #welcome(welcome: Welcome): void {
    const losses = this.#book.welcome(welcome);
    this.#welcomedAt = performance.now();
    this.#registration?.stop();
    this.#enter({ state: 'open', url: this.#url });
    this.#emit('welcome', welcome);
    for (const loss of losses) this.#emit('lost', loss);
  }

  #ended({ code, reason, why }: SessionEnd): void {
    this.#session = undefined;
    const stop = stopReasons.get(code);
    if (stop !== undefined && !(code === closeCodes.replaced.code && this.#wasLateAttempt()))
      return this.#finish(stop, code);
    if (this.#welcomedAt === undefined)
      this.#lateAttempts = [...this.#pendingLateAttempts(), performance.now() + LATE_ATTEMPT_MS];
    const wasStable = this.#welcomedAt !== undefined && performance.now() - this.#welcomedAt >= STABLE_MS;
    const delayMs = this.#reconnect.start(code, reason, wasStable);
    this.#enter({ state: 'waiting', delayMs, failures: this.#reconnect.failures, code, why });
    if (this.#welcomedAt === undefined) this.#registration?.failed();
  }

  /** Waits no longer than it must for an edge that can be reached again, and probes a connection that may be dead. */
  #onPageEvent(event: PageEvent): void {
    if (event === 'online') {
      this.#reconnect.forgetFailures();
      // A network that comes back brings many clients: these spread over the first of the delays.
      if (this.#state === 'waiting') this.#reconnect.hurry(backoffMs(0));
      else this.#session?.probe(PROBE_ONLINE_MS);
    } else if (this.#state === 'open') this.#session?.probe(PROBE_MS);
    else if (this.#state === 'waiting' && event === 'shown') this.#reconnect.hurry(0);
  }

  /**
   * Whether an abandoned attempt may be the newer connection that replaced this one: its edge may have accepted it before
   * it saw the end. Each such attempt excuses one replacement.
   */
  #wasLateAttempt(): boolean {
    this.#lateAttempts = this.#pendingLateAttempts();
    return this.#lateAttempts.shift() !== undefined;
  }

  #pendingLateAttempts(): number[] {
    return this.#lateAttempts.filter((until) => until > performance.now());
  }

  #retryNow(): void {
    try {
      this.#connect();
      this.#enter({ state: 'connecting', url: this.#url });
    } catch (error) {
      // The constructor took the same kind of URL before, so this is a platform out of something: as good as refused.
      this.#ended({ code: NO_CLOSE_FRAME, reason: '', why: String(error) });
    }
  }

  #emitFirst(): void {
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined) this.#emit('state', first);
  }

  #enter(change: StateChange): void {
    this.#emitFirst();
    if (this.#state === 'closed') return;
    this.#state = change.state;
    this.#emit('state', change);
  }

  /** A listener may close the client in the middle of several events: `closed` stays the last one. */
  #emit<Type extends keyof ClientEvents>(type: Type, event: ClientEvents[Type]): void {
    if (this.#state !== 'closed') this.#emitter.emit(type, event);
  }

  #finish(reason: ClosedReason, code?: number): void {
    if (this.#state === 'closed') return;
    this.#reconnect.stop();
    this.#stopWatching();
    this.#registration?.stop();
    this.#options.signal?.removeEventListener('abort', this.#aborted);
    this.#session?.close();
    this.#state = 'closed';
    this.#emitter.emit('state', { state: 'closed', reason });
    for (const { stream } of this.#streams) stream.end();
    this.#emitter.emit('closed', { reason, code });
  }

  #listenerThrew(error: unknown, event: keyof ClientEvents): void {
    if (event !== 'error' && this.#emitter.hasListener('error')) return this.#emitter.emit('error', { error, event });
    queueMicrotask(() => {
      throw error;
    });
  }
}
