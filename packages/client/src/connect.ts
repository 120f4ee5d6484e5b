import { closeCodes } from '@holdfast/protocol/close-codes';
import type { DownFrame } from '@holdfast/protocol/down';
import type { Welcome } from '@holdfast/protocol/down';
import { CREDENTIAL_SUBPROTOCOL_PREFIX, SUBPROTOCOL } from '@holdfast/protocol/version';
import { Authorization, type Registered } from './authorization/authorization.ts';
import { ReconnectTimer, backoffMs } from './backoff.ts';
import { ClientCalls } from './client-calls.ts';
import type {
  ClientIdOptions,
  ConnectOptions,
  MessagesOptions,
  SocketConstructor,
  TokenOptions,
} from './connect-options.ts';
import { Emitter } from './emitter.ts';
import type { ClientEvents, Closed, ClosedReason, ListenerError, StateChange } from './events.ts';
import type { CallOptions } from './http-call.ts';
import { LateAttempts } from './late-attempts.ts';
import { MessageStream } from './message-stream.ts';
import { type PageEvent, watchPage } from './page-events.ts';
import { type Positions, PositionBook } from './position-book.ts';
import type { Presence } from './presence/presence.ts';
import { Presences } from './presence/presences.ts';
import { RegistrationCheck } from './registration-check.ts';
import type { ClientTopics, PublishOptions, Published, Registration } from './rest.ts';
import { type Session, type SessionEnd, NO_CLOSE_FRAME, startSession } from './session.ts';
import { type NextUrl, urlRotation } from './url-rotation.ts';

/** A connection that lived this long after its welcome was a good one: the next failure starts with a small delay again. */
const STABLE_MS = 5000;
/** Some megabytes of small messages: a loop that lags further will not catch up. */
const MAX_BUFFERED = 10_000;
/** How long a connection may take to show that it outlived a change of the network: a round trip, and back within a second. */
const PROBE_ONLINE_MS = 500;
/** As long as a slow network may take, because a tab is looked at again all the time. */
const PROBE_MS = 2000;
/** Closes a connection that another follows at once: to an edge the client has not left. */
const RECONNECTING = 4000;
/** Of one client: another one begins its own anew. */
const INBOX_TOPIC = '@me';

const stopReasons: ReadonlyMap<number, ClosedReason> = new Map([
  [closeCodes.badFrame.code, 'bad-frame'],
  [closeCodes.disconnected.code, 'disconnected'],
  [closeCodes.replaced.code, 'replaced'],
  [closeCodes.unregistered.code, 'unregistered'],
  [closeCodes.expired.code, 'expired'],
] as const);
/** With tokens a client goes on after these. */
const mended: ReadonlySet<ClosedReason | undefined> = new Set<ClosedReason>(['unregistered', 'expired']);

/**
 * Connects a client and keeps it connected: reconnects, resumes, and hands out each message once. A client that is not
 * registered yet registers with tokens from `getToken`, and stays authorized with further ones. Raises TypeError when the options cannot work; whatever happens later comes as an event.
 */
export function connect(options: ConnectOptions): HoldfastClient {
  return new HoldfastClient(options);
}

export type { ClientIdOptions, ConnectOptions, HoldfastClient, MessagesOptions, TokenOptions };

class HoldfastClient {
  /** Settles with the last event; never rejects. */
  readonly closed: Promise<Closed>;
  readonly #options: ConnectOptions;
  readonly #WebSocket: SocketConstructor;
  readonly #book: PositionBook;
  readonly #streams = new Set<{ topic: string | undefined; stream: MessageStream }>();
  readonly #emitter: Emitter<ClientEvents>;
  readonly #aborted = (): void => this.#finish('aborted');
  readonly #registration: RegistrationCheck | undefined;
  readonly #authorization: Authorization | undefined;
  readonly #calls: ClientCalls;
  readonly #presences: Presences;
  readonly #lateAttempts = new LateAttempts();
  readonly #stopWatching: () => void;
  readonly #reconnect = new ReconnectTimer(() => this.#retryNow());
  /** The first `connecting`, until it is emitted. */
  #first: StateChange | undefined;
  #state: StateChange['state'] = 'connecting';
  #session: Session | undefined;
  #clientId: string;
  #nextUrl: NextUrl | undefined;
  #url = '';
  #welcomedAt: number | undefined;
  #wantsPresence: boolean;
  #isAuthorizing = false;

  constructor(options: ConnectOptions) {
    const { url, clientId, signal, controlUrl, fetch, getToken } = options;
    const { WebSocket = globalThis.WebSocket } = options;
    if (typeof WebSocket !== 'function') throw new TypeError('no WebSocket on this platform: Node 22 or later has one');
    this.#WebSocket = WebSocket;
    this.#options = options;
    this.#clientId = clientId ?? '';
    this.#wantsPresence = options.presence === true;
    this.#book = new PositionBook(options.positions);
    this.#emitter = new Emitter((error, event) => this.#listenerThrew(error, event));
    this.#presences = new Presences((error, event) => this.#listenerThrew(error, event));
    this.closed = new Promise((resolve) => this.#emitter.on('closed', resolve));
    if (getToken === undefined) {
      this.#nextUrl = urlRotation(options.urls ?? (url === undefined || url === null ? [] : [url]), url ?? undefined);
    } else {
      this.#authorization = new Authorization({
        controlUrl,
        fetch,
        getToken,
        onRegistered: (registered, edges) => this.#registered(registered, edges),
        onRefused: (detail) => this.#finish('not-authorized', undefined, detail),
      });
    }
    const id = (): string => this.#clientId;
    if (controlUrl !== undefined) {
      this.#registration = new RegistrationCheck(id, { controlUrl, fetch }, (why) => {
        if (this.#authorization !== undefined) this.#authorization.invalidate();
        else this.#finish(why === 'client-not-found' ? 'unregistered' : 'expired');
      });
    }
    const isClosed = (): boolean => this.#state === 'closed';
    this.#calls = new ClientCalls({ controlUrl, fetch, clientId: id, authorization: this.#authorization, isClosed });
    signal?.addEventListener('abort', this.#aborted, { once: true });
    // A caller's listeners come after this: what happens here is emitted when they are there.
    if (signal?.aborted === true) queueMicrotask(this.#aborted);
    else if (this.#authorization !== undefined) queueMicrotask(() => this.#retryNow());
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

  /** Subscribes this client to more topics, within what it may. `subscribed` follows on its connection. */
  subscribe(topics: readonly string[], options?: CallOptions): Promise<ClientTopics> {
    return this.#calls.subscribe(topics, options);
  }

  unsubscribe(topics: readonly string[], options?: CallOptions): Promise<ClientTopics> {
    return this.#calls.unsubscribe(topics, options);
  }

  /** Publishes over REST with the present token, within what it may. */
  publish(topic: string, data: unknown, options?: PublishOptions): Promise<Published> {
    return this.#calls.publish(topic, data, options);
  }

  /**
   * Who is present on a topic that this client is subscribed to. Nothing comes for a topic without presence, and without
   * the right to see it.
   */
  presence(topic: string): Presence {
    const view = this.#presences.view(topic);
    if (this.#state === 'closed') view.close();
    else if (!this.#wantsPresence) {
      this.#wantsPresence = true;
      // A connection that was opened without it gives none.
      if (this.#session !== undefined) queueMicrotask(() => this.#connectAnew());
    }
    return view;
  }

  /** Ends it for good. The registration stays. */
  close(): void {
    this.#finish('closed');
  }

  #connect(): void {
    const { credential, resume = true, webSocketOptions } = this.#options;
    const url = this.#nextUrl?.();
    if (url === undefined) throw new TypeError('no URL to connect to: is any edge alive?');
    this.#url = url.href;
    this.#welcomedAt = undefined;
    const positions = resume && !this.#book.isEmpty ? this.#book.snapshot() : undefined;
    const protocols = [SUBPROTOCOL];
    if (credential === 'subprotocol') protocols.push(CREDENTIAL_SUBPROTOCOL_PREFIX + this.#clientId);
    else url.searchParams.set('client', this.#clientId);
    if (positions !== undefined) url.searchParams.set('resume', '1');
    if (this.#wantsPresence) url.searchParams.set('presence', '1');
    this.#session = startSession({
      socket: new this.#WebSocket(url.href, protocols, webSocketOptions as never),
      positions,
      onText: (text) => this.#emit('frame', text),
      onFrame: (frame) => this.#receive(frame),
      onEnd: (end) => this.#ended(end),
    });
  }

  /** With another client id, or with presence. */
  #connectAnew(): void {
    if (this.#session === undefined) return;
    if (this.#welcomedAt === undefined) this.#lateAttempts.add();
    this.#session.close(RECONNECTING);
    this.#session = undefined;
    this.#authorization?.disconnected();
    this.#open();
  }

  #registered(registered: Registered, { url, urls }: Registration['connect']): void {
    const { clientId } = registered;
    const isAnother = this.#clientId !== '' && this.#clientId !== clientId;
    this.#clientId = clientId;
    // Without an edge that is alive the earlier ones are as good.
    if (urls.length > 0) this.#nextUrl = urlRotation(urls, url ?? undefined);
    if (isAnother) this.#book.unsubscribed(INBOX_TOPIC);
    this.#emit('registered', registered);
    if (isAnother) this.#connectAnew();
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
        this.#presences.unsubscribed(frame.topic);
        return this.#emit('unsubscribed', frame);
      case 'lost':
        if (this.#book.lost(frame)) this.#emit('lost', frame);
        return;
      case 'presence':
        return this.#presences.frame(frame);
      case 'expiring':
        this.#emit('expiring', frame);
        return this.#authorization?.expiring(frame.inMs);
      case 'pong':
        return;
    }
  }

  #welcome(welcome: Welcome): void {
    const losses = this.#book.welcome(welcome);
    this.#welcomedAt = performance.now();
    this.#registration?.stop();
    this.#authorization?.connected(welcome.expiresInMs);
    this.#presences.welcome(welcome.topics);
    this.#enter({ state: 'open', url: this.#url });
    this.#emit('welcome', welcome);
    for (const loss of losses) this.#emit('lost', loss);
  }

  #ended({ code, reason, why }: SessionEnd): void {
    this.#session = undefined;
    this.#authorization?.disconnected();
    const stop = stopReasons.get(code);
    if (this.#authorization !== undefined && mended.has(stop)) this.#authorization.invalidate();
    else if (stop !== undefined && !(code === closeCodes.replaced.code && this.#lateAttempts.take()))
      return this.#finish(stop, code);
    const welcomedAt = this.#welcomedAt;
    this.#welcomedAt = undefined;
    if (welcomedAt === undefined) this.#lateAttempts.add();
    this.#wait({ code, reason, why }, welcomedAt !== undefined && performance.now() - welcomedAt >= STABLE_MS);
    if (welcomedAt === undefined) this.#registration?.failed();
  }

  #wait({ code, reason, why }: SessionEnd, wasStable: boolean): void {
    const delayMs = this.#reconnect.start(code, reason, wasStable);
    this.#enter({ state: 'waiting', delayMs, failures: this.#reconnect.failures, code, why });
  }

  /** Waits no longer than it must for an edge that can be reached again, and probes a connection that may be dead. */
  #onPageEvent(event: PageEvent): void {
    this.#authorization?.look();
    if (event === 'online') {
      this.#reconnect.forgetFailures();
      // A network that comes back brings many clients: these spread over the first of the delays.
      if (this.#state === 'waiting') this.#reconnect.hurry(backoffMs(0));
      else this.#session?.probe(PROBE_ONLINE_MS);
    } else if (this.#state === 'open') this.#session?.probe(PROBE_MS);
    else if (this.#state === 'waiting' && event === 'shown') this.#reconnect.hurry(0);
  }

  #retryNow(): void {
    if (this.#session !== undefined || this.#isAuthorizing) return;
    const authorization = this.#authorization;
    if (authorization === undefined || authorization.isUsable) this.#open();
    else void this.#authorize(authorization);
  }

  #open(): void {
    try {
      this.#connect();
      this.#enter({ state: 'connecting', url: this.#url });
    } catch (error) {
      // The constructor took the same kind of URL before, so this is a platform out of something: as good as refused.
      this.#ended({ code: NO_CLOSE_FRAME, reason: '', why: String(error) });
    }
  }

  async #authorize(authorization: Authorization): Promise<void> {
    this.#isAuthorizing = true;
    let why: string | undefined;
    try {
      await authorization.renew();
    } catch (error) {
      why = error instanceof Error ? error.message : String(error);
    }
    this.#isAuthorizing = false;
    if (this.#state === 'closed' || this.#session !== undefined) return;
    if (why === undefined && this.#nextUrl === undefined) {
      authorization.invalidate();
      why = 'no edge is alive';
    }
    if (why !== undefined) this.#wait({ code: NO_CLOSE_FRAME, reason: '', why }, false);
    else this.#open();
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

  #finish(reason: ClosedReason, code?: number, detail?: string): void {
    if (this.#state === 'closed') return;
    this.#reconnect.stop();
    this.#stopWatching();
    this.#registration?.stop();
    this.#authorization?.stop();
    this.#options.signal?.removeEventListener('abort', this.#aborted);
    this.#session?.close();
    this.#state = 'closed';
    this.#emitter.emit('state', { state: 'closed', reason });
    for (const { stream } of this.#streams) stream.end();
    this.#presences.close();
    this.#emitter.emit('closed', { reason, code, detail });
  }

  #listenerThrew(error: unknown, event: ListenerError['event']): void {
    if (event !== 'error' && this.#emitter.hasListener('error')) return this.#emitter.emit('error', { error, event });
    queueMicrotask(() => {
      throw error;
    });
  }
}
