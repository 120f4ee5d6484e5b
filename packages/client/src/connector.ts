import { closeCodes } from '@holdfast/protocol/close-codes';
import type { DownFrame, Welcome } from '@holdfast/protocol/down';
import { CREDENTIAL_SUBPROTOCOL_PREFIX, SUBPROTOCOL } from '@holdfast/protocol/version';
import { Authorization, type Registered } from './authorization/authorization.ts';
import { ReconnectTimer, backoffMs } from './backoff.ts';
import type { ConnectOptions, SocketConstructor } from './connect-options.ts';
import type { ClosedReason, StateChange } from './events.ts';
import { LateAttempts } from './late-attempts.ts';
import { type PageEvent, watchPage } from './page-events.ts';
import type { Positions } from './position-book.ts';
import { RegistrationCheck } from './registration-check.ts';
import type { Registration } from './rest.ts';
import { type Session, type SessionEnd, NO_CLOSE_FRAME, startSession } from './session.ts';
import { type NextUrl, urlRotation } from './url-rotation.ts';

/** A connection that lived this long after its welcome was a good one: the next failure starts with a small delay again. */
const STABLE_MS = 5000;
/** How long a connection may take to show that it outlived a change of the network: a round trip, and back within a second. */
const PROBE_ONLINE_MS = 500;
/** As long as a slow network may take, because a tab is looked at again all the time. */
const PROBE_MS = 2000;
/** Closes a connection that another follows at once: to an edge the client has not left. */
const RECONNECTING = 4000;

const stopReasons: ReadonlyMap<number, ClosedReason> = new Map([
  [closeCodes.badFrame.code, 'bad-frame'],
  [closeCodes.disconnected.code, 'disconnected'],
  [closeCodes.replaced.code, 'replaced'],
  [closeCodes.unregistered.code, 'unregistered'],
  [closeCodes.expired.code, 'expired'],
] as const);
/** With tokens a client goes on after these. */
const mended: ReadonlySet<ClosedReason | undefined> = new Set<ClosedReason>(['unregistered', 'expired']);

export interface ConnectorHandlers {
  /** From where the next connection resumes; undefined: it does not. */
  positions: () => Positions | undefined;
  onText: (text: string) => void;
  onFrame: (frame: DownFrame) => void;
  onState: (change: StateChange) => void;
  onRegistered: (registered: Registered, isAnother: boolean) => void;
  /** It makes no further attempt: `stop` is due. */
  onStop: (reason: ClosedReason, code?: number, detail?: string) => void;
}

/** Keeps one client connected: where to, as which client, and when again. Raises TypeError when the options cannot work. */
export class Connector {
  readonly authorization: Authorization | undefined;
  readonly #options: ConnectOptions;
  readonly #handlers: ConnectorHandlers;
  readonly #WebSocket: SocketConstructor;
  readonly #registration: RegistrationCheck | undefined;
  readonly #lateAttempts = new LateAttempts();
  readonly #reconnect = new ReconnectTimer(() => this.#retryNow());
  #stopWatching = (): void => {};
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

  constructor(options: ConnectOptions, handlers: ConnectorHandlers) {
    const { url, clientId = '', controlUrl, fetch, getToken, presence = false } = options;
    const { WebSocket = globalThis.WebSocket } = options;
    if (typeof WebSocket !== 'function') throw new TypeError('no WebSocket on this platform: Node 22 or later has one');
    this.#WebSocket = WebSocket;
    this.#options = options;
    this.#handlers = handlers;
    this.#clientId = clientId;
    this.#wantsPresence = presence;
    if (getToken === undefined) {
      this.#nextUrl = urlRotation(options.urls ?? (url === undefined || url === null ? [] : [url]), url ?? undefined);
    } else {
      const onRefused = (detail: string): void => handlers.onStop('not-authorized', undefined, detail);
      const onRegistered = this.#registered.bind(this);
      this.authorization = new Authorization({ controlUrl, fetch, getToken, onRegistered, onRefused });
    }
    if (controlUrl === undefined) return;
    this.#registration = new RegistrationCheck(
      () => this.#clientId,
      { controlUrl, fetch },
      (why) => {
        if (this.authorization !== undefined) this.authorization.invalidate();
        else handlers.onStop(why === 'client-not-found' ? 'unregistered' : 'expired');
      },
    );
  }

  get state(): StateChange['state'] {
    return this.#state;
  }

  get clientId(): string {
    return this.#clientId;
  }

  /** Raises what the WebSocket's constructor raises. */
  start(): void {
    // A caller's listeners come after this: what happens here is emitted when they are there.
    if (this.authorization !== undefined) queueMicrotask(() => this.#retryNow());
    else {
      this.#connect();
      this.#first = { state: 'connecting', url: this.#url };
      queueMicrotask(() => this.#emitFirst());
    }
    this.#stopWatching = watchPage((event) => this.#onPageEvent(event));
  }

  /** The first frame of a connection is here. */
  welcomed({ expiresInMs }: Welcome): void {
    this.#welcomedAt = performance.now();
    this.#registration?.stop();
    this.authorization?.connected(expiresInMs);
    this.#enter({ state: 'open', url: this.#url });
  }

  /** Connections ask for presence from here on, and one that did not is replaced. */
  wantPresence(): void {
    if (this.#wantsPresence) return;
    this.#wantsPresence = true;
    if (this.#session !== undefined) queueMicrotask(() => this.#connectAnew());
  }

  stop(): void {
    this.#state = 'closed';
    this.#first = undefined;
    this.#reconnect.stop();
    this.#stopWatching();
    this.#registration?.stop();
    this.authorization?.stop();
    this.#session?.close();
  }

  #connect(): void {
    const { credential, webSocketOptions } = this.#options;
    const url = this.#nextUrl?.();
    if (url === undefined) throw new TypeError('no URL to connect to: is any edge alive?');
    this.#url = url.href;
    this.#welcomedAt = undefined;
    const positions = this.#handlers.positions();
    const protocols = [SUBPROTOCOL];
    if (credential === 'subprotocol') protocols.push(CREDENTIAL_SUBPROTOCOL_PREFIX + this.#clientId);
    else url.searchParams.set('client', this.#clientId);
    if (positions !== undefined) url.searchParams.set('resume', '1');
    if (this.#wantsPresence) url.searchParams.set('presence', '1');
    this.#session = startSession({
      socket: new this.#WebSocket(url.href, protocols, webSocketOptions as never),
      positions,
      onText: this.#handlers.onText,
      onFrame: this.#handlers.onFrame,
      onEnd: (end) => this.#ended(end),
    });
  }

  /** With another client id, or with presence. */
  #connectAnew(): void {
    if (this.#session === undefined || this.#state === 'closed') return;
    if (this.#welcomedAt === undefined) this.#lateAttempts.add();
    this.#session.close(RECONNECTING);
    this.#session = undefined;
    this.authorization?.disconnected();
    this.#open();
  }

  #registered(registered: Registered, { url, urls }: Registration['connect']): void {
    const { clientId } = registered;
    const isAnother = this.#clientId !== '' && this.#clientId !== clientId;
    this.#clientId = clientId;
    // Without an edge that is alive the earlier ones are as good.
    if (urls.length > 0) this.#nextUrl = urlRotation(urls, url ?? undefined);
    this.#handlers.onRegistered(registered, isAnother);
    if (isAnother) this.#connectAnew();
  }

  #ended({ code, reason, why }: SessionEnd): void {
    this.#session = undefined;
    this.authorization?.disconnected();
    const stop = stopReasons.get(code);
    if (this.authorization !== undefined && mended.has(stop)) this.authorization.invalidate();
    else if (stop !== undefined && !(code === closeCodes.replaced.code && this.#lateAttempts.take()))
      return this.#handlers.onStop(stop, code);
    const welcomedAt = this.#welcomedAt;
    this.#welcomedAt = undefined;
    if (welcomedAt === undefined) this.#lateAttempts.add();
    this.#wait({ code, reason, why }, welcomedAt !== undefined && performance.now() - welcomedAt >= STABLE_MS);
    if (welcomedAt === undefined) this.#registration?.failed();
  }

  #wait({ code, reason, why }: SessionEnd, wasStable: boolean, atLeastMs = 0): void {
    const delayMs = this.#reconnect.start(code, reason, wasStable, atLeastMs);
    this.#enter({ state: 'waiting', delayMs, failures: this.#reconnect.failures, code, why });
  }

  /** Waits no longer than it must for an edge that can be reached again, and probes a connection that may be dead. */
  #onPageEvent(event: PageEvent): void {
    this.authorization?.look();
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
    const authorization = this.authorization;
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
    if (why !== undefined) this.#wait({ code: NO_CLOSE_FRAME, reason: '', why }, false, authorization.pauseMs);
    else this.#open();
  }

  #emitFirst(): void {
    const first = this.#first;
    this.#first = undefined;
    if (first !== undefined) this.#handlers.onState(first);
  }

  #enter(change: StateChange): void {
    this.#emitFirst();
    if (this.#state === 'closed') return;
    this.#state = change.state;
    this.#handlers.onState(change);
  }
}
