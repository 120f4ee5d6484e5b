import { comparePositions, type Position } from '@holdfast/protocol/position-order';
import { afterClose, parseRetryAfter } from '@holdfast/protocol/close-codes';
import type { Welcome } from '@holdfast/protocol/down';
import type { EdgeDirectory } from './edge-directory.ts';
import type { Inbox } from './inbox.ts';
import { backoffMs } from '@holdfast/harness/retry';
import { routeTo } from './routes.ts';
import { Counters } from '@holdfast/harness/counters';
import { ABNORMAL, Connection, type ConnectionEvents } from './websocket/connection.ts';

/** RFC 6455, section 7.4.1. */
const NORMAL = 1000;
/** A welcome follows the handshake; while none comes for so long, no more will. */
const STALLED_MS = 30_000;

interface Member {
  /** Among the clients of this process, from 0. */
  readonly index: number;
  connection: Connection<Member> | undefined;
  /** `waiting`: for its turn, or for a delay to pass; `opening`: until its welcome; `leaving`: until its close is answered. */
  state: 'idle' | 'waiting' | 'opening' | 'welcomed' | 'leaving' | 'given-up';
  /** A connection after the first welcome resumes. */
  wasWelcomed: boolean;
  failures: number;
  /** Where its connection goes to. */
  edge: string;
  /** What it asked to resume from, until its welcome. */
  resumedFrom: Record<string, Position> | undefined;
  /** It has joined, or was given up; or it has left. */
  onSettled: (() => void) | undefined;
}

export interface ClientPoolOptions {
  clients: number;
  clientIdOf: (index: number) => string;
  edges: EdgeDirectory;
  sources: readonly string[];
  handshakesAtOnce: number;
  inbox: Pick<Inbox, 'take' | 'begin' | 'positionsOf' | 'announceGap'>;
  /** Which of them ask for presence; default: none. */
  watches?: (index: number) => boolean;
}

/** The connections of the clients of one process: opened a few at a time, and again when they end. */
export class ClientPool implements ConnectionEvents<Member> {
  readonly #options: ClientPoolOptions;
  readonly #members: Member[];
  readonly #queue: Member[] = [];
  /** Handshakes that came to nothing, by HTTP status, or `unreachable`. */
  readonly refusals = new Counters();
  /** Connections that had their welcome and ended, by close code. */
  readonly closes = new Counters();
  /** The edges that gave a welcome. */
  readonly edgesUsed = new Set<string>();
  reconnects = 0;
  givenUp = 0;
  connected = 0;
  #opening = 0;
  #attempts = 0;
  #isClosing = false;
  #onSettled: (() => void) | undefined;
  #settledAt = 0;

  constructor(options: ClientPoolOptions) {
    this.#options = options;
    this.#members = Array.from({ length: options.clients }, (_, index) => ({
      index,
      connection: undefined,
      state: 'idle',
      wasWelcomed: false,
      failures: 0,
      edge: '',
      resumedFrom: undefined,
      onSettled: undefined,
    }));
  }

  /**
   * Opens all connections. Resolves when each client has its welcome or was given up; gives up those that get none for
   * half a minute.
   */
  async connect(signal: AbortSignal): Promise<void> {
    await this.#options.edges.refresh();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#onSettled = () => {
      if (this.connected + this.givenUp >= this.#members.length) resolve();
    };
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await this.whileMoving(() => {
        for (const member of this.#members) this.#enqueue(member);
        this.#onSettled?.();
        return promise;
      });
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#onSettled = undefined;
    }
  }

  /** Does something that opens connections; gives up those that wait while none gets a welcome for half a minute. */
  async whileMoving<T>(work: () => Promise<T>): Promise<T> {
    this.#settledAt = performance.now();
    const watch = setInterval(() => {
      if (performance.now() - this.#settledAt > STALLED_MS) this.#abandonAll();
    }, 1_000);
    try {
      return await work();
    } finally {
      clearInterval(watch);
    }
  }

  isConnected(index: number): boolean {
    return this.#members[index]?.state === 'welcomed';
  }

  /** Opens a connection of a client that has left. Resolves when it has its welcome, or was given up. */
  async join(index: number): Promise<void> {
    const member = this.#members[index];
    if (member?.state !== 'idle') return;
    this.#settledAt = performance.now();
    await new Promise<void>((resolve) => {
      member.onSettled = resolve;
      this.#enqueue(member);
    });
  }

  /** Closes the connection of a client with 1000. Resolves when it is over. */
  async leave(index: number): Promise<void> {
    const member = this.#members[index];
    if (member?.state !== 'welcomed') return;
    this.connected -= 1;
    member.state = 'leaving';
    // What it missed is not asked for when it joins again.
    member.wasWelcomed = false;
    await new Promise<void>((resolve) => {
      member.onSettled = resolve;
      member.connection?.close(NORMAL);
    });
  }

  /** From here on a connection that ends is as it should be. */
  expectGoodbyes(): void {
    this.#isClosing = true;
    this.#queue.length = 0;
  }

  /** Ends what is left. */
  destroy(): void {
    this.expectGoodbyes();
    for (const { connection } of this.#members) connection?.destroy();
  }

  onOpen(member: Member, connection: Connection<Member>): void {
    if (!member.wasWelcomed) return;
    member.resumedFrom = this.#options.inbox.positionsOf(member.index);
    connection.sendText(JSON.stringify({ type: 'resume', positions: member.resumedFrom }));
  }

  onText(member: Member, bytes: Buffer, from: number, to: number): void {
    const welcome = this.#options.inbox.take(member.index, bytes, from, to);
    if (welcome !== undefined) this.#onWelcome(member, welcome);
  }

  onRefused(member: Member, status: number, retryAfterMs: number | undefined): void {
    this.refusals.add(String(status));
    this.#leave(member);
    // Anything else than "later" and "elsewhere" is a judgement on this client.
    if (status === 429 || status >= 500) this.#retry(member, retryAfterMs);
    else this.#abandon(member);
  }

  onClose(member: Member, code: number, reason: string): void {
    const { state } = member;
    this.#leave(member);
    if (state === 'leaving') settle(member);
    if (this.#isClosing || state === 'leaving') return;
    const wasWelcomed = state === 'welcomed';
    if (wasWelcomed) this.closes.add(String(code));
    else this.refusals.add(code === ABNORMAL ? 'unreachable' : String(code));
    const next = afterClose(code);
    if (next === 'stop' || next === 'register-again') this.#abandon(member);
    else this.#retry(member, parseRetryAfter(reason));
  }

  #onWelcome(member: Member, welcome: Welcome): void {
    if (member.state !== 'opening') return;
    this.#announceGaps(member, welcome);
    if (member.wasWelcomed) this.reconnects += 1;
    else this.#options.inbox.begin(member.index, welcome);
    member.state = 'welcomed';
    member.wasWelcomed = true;
    member.failures = 0;
    member.resumedFrom = undefined;
    this.connected += 1;
    this.edgesUsed.add(member.edge);
    this.#opening -= 1;
    settle(member);
    this.#progress();
    this.#fill();
  }

  /** An edge that cannot continue from where the client was says so in its welcome. */
  #announceGaps(member: Member, welcome: Welcome): void {
    for (const [topic, after] of Object.entries(member.resumedFrom ?? {})) {
      const now = welcome.topics[topic];
      if (now?.recovered === false && comparePositions(now.position, after) > 0) {
        this.#options.inbox.announceGap(member.index, topic, { after, upTo: now.position });
      }
    }
  }

  #enqueue(member: Member): void {
    member.state = 'waiting';
    this.#queue.push(member);
    this.#fill();
  }

  #fill(): void {
    while (this.#opening < this.#options.handshakesAtOnce) {
      const member = this.#queue.shift();
      if (member === undefined) return;
      this.#open(member);
    }
  }

  #open(member: Member): void {
    const edge = this.#options.edges.next();
    if (edge === undefined) {
      this.#retry(member, undefined);
      return;
    }
    member.state = 'opening';
    member.edge = edge;
    this.#opening += 1;
    this.#attempts += 1;
    const route = routeTo(edge, this.#options.sources, this.#attempts, {
      resume: member.wasWelcomed,
      presence: this.#options.watches?.(member.index) ?? false,
    });
    member.connection = new Connection(route, this.#options.clientIdOf(member.index), member, this);
  }

  /** Takes the connection that is over out of the books. */
  #leave(member: Member): void {
    member.connection = undefined;
    if (member.state === 'welcomed') this.connected -= 1;
    if (member.state === 'opening') this.#opening -= 1;
    member.state = 'idle';
  }

  #retry(member: Member, afterMs: number | undefined): void {
    member.failures += 1;
    member.state = 'waiting';
    // What an edge asks for is the least; spread beyond it, or the crowd would come back as one.
    const delayMs = (afterMs ?? 0) * (1 + Math.random() / 2) + backoffMs(member.failures);
    setTimeout(() => {
      if (this.#isClosing || member.state !== 'waiting') return;
      const isStillWaiting = () => !this.#isClosing && member.state === 'waiting';
      this.#options.edges.refresh().then(
        () => isStillWaiting() && this.#enqueue(member),
        () => isStillWaiting() && this.#abandon(member),
      );
    }, delayMs);
    this.#fill();
  }

  #abandon(member: Member): void {
    member.state = 'given-up';
    this.givenUp += 1;
    settle(member);
    this.#progress();
    this.#fill();
  }

  #abandonAll(): void {
    this.#queue.length = 0;
    for (const member of this.#members) {
      if (member.state !== 'waiting' && member.state !== 'opening') continue;
      member.connection?.destroy();
      this.#leave(member);
      this.#abandon(member);
    }
  }

  #progress(): void {
    this.#settledAt = performance.now();
    this.#onSettled?.();
  }
}

function settle(member: Member): void {
  member.onSettled?.();
  member.onSettled = undefined;
}
