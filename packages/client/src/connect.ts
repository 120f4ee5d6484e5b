import type { DownFrame } from '@holdfast/protocol/down';
import type { Welcome } from '@holdfast/protocol/down';
import type { Registered } from './authorization/authorization.ts';
import { ClientCalls } from './client-calls.ts';
import type { ClientIdOptions, ConnectOptions, MessagesOptions, TokenOptions } from './connect-options.ts';
import { Connector } from './connector.ts';
import { Emitter } from './emitter.ts';
import type { ClientEvents, Closed, ClosedReason, ListenerError, StateChange } from './events.ts';
import type { CallOptions } from './http-call.ts';
import { MessageStream } from './message-stream.ts';
import { type Positions, PositionBook } from './position-book.ts';
import type { Presence } from './presence/presence.ts';
import { Presences } from './presence/presences.ts';
import type { ClientTopics, PublishOptions, Published } from './rest.ts';

/** Some megabytes of small messages: a loop that lags further will not catch up. */
const MAX_BUFFERED = 10_000;
/** Of one client: another one begins its own anew. */
const INBOX_TOPIC = '@me';

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
  readonly #book: PositionBook;
  readonly #streams = new Set<{ topic: string | undefined; stream: MessageStream }>();
  readonly #emitter: Emitter<ClientEvents>;
  readonly #presences: Presences;
  readonly #connector: Connector;
  readonly #calls: ClientCalls;
  readonly #signal: AbortSignal | undefined;
  readonly #aborted = (): void => this.#finish('aborted');
  #isClosed = false;

  constructor(options: ConnectOptions) {
    const { signal, controlUrl, fetch, resume = true } = options;
    this.#signal = signal;
    this.#book = new PositionBook(options.positions);
    this.#emitter = new Emitter((error, event) => this.#listenerThrew(error, event));
    this.#presences = new Presences((error, event) => this.#listenerThrew(error, event));
    this.closed = new Promise((resolve) => this.#emitter.on('closed', resolve));
    const connector = new Connector(options, {
      positions: () => (resume && !this.#book.isEmpty ? this.#book.snapshot() : undefined),
      onText: (text) => this.#emit('frame', text),
      onFrame: (frame) => this.#receive(frame),
      onState: (change) => this.#emit('state', change),
      onRegistered: (registered, isAnother) => this.#registered(registered, isAnother),
      onStop: (reason, code, detail) => this.#finish(reason, code, detail),
    });
    this.#connector = connector;
    this.#calls = new ClientCalls({
      controlUrl,
      fetch,
      clientId: () => connector.clientId,
      authorization: connector.authorization,
      isClosed: () => this.#isClosed,
    });
    signal?.addEventListener('abort', this.#aborted, { once: true });
    if (signal?.aborted === true) queueMicrotask(this.#aborted);
    else connector.start();
  }

  get state(): StateChange['state'] {
    return this.#connector.state;
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
    if (signal?.aborted === true || this.#isClosed) end();
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
    if (this.#isClosed) view.close();
    else this.#connector.wantPresence();
    return view;
  }

  /** Ends it for good. The registration stays. */
  close(): void {
    this.#finish('closed');
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
        return this.#connector.authorization?.expiring(frame.inMs);
      case 'pong':
        return;
    }
  }

  #welcome(welcome: Welcome): void {
    const losses = this.#book.welcome(welcome);
    this.#presences.welcome(welcome.topics);
    this.#connector.welcomed(welcome);
    this.#emit('welcome', welcome);
    for (const loss of losses) this.#emit('lost', loss);
  }

  #registered(registered: Registered, isAnother: boolean): void {
    if (isAnother) this.#book.unsubscribed(INBOX_TOPIC);
    this.#emit('registered', registered);
  }

  /** A listener may close the client in the middle of several events: `closed` stays the last one. */
  #emit<Type extends keyof ClientEvents>(type: Type, event: ClientEvents[Type]): void {
    if (!this.#isClosed) this.#emitter.emit(type, event);
  }

  #finish(reason: ClosedReason, code?: number, detail?: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#signal?.removeEventListener('abort', this.#aborted);
    this.#connector.stop();
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
