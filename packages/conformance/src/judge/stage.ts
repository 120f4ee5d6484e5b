import { isDeepStrictEqual } from 'node:util';
import { Driver, type DriverConfig } from '../driver/driver.ts';
import type { HandshakeConditions, Scenario } from '../scenario/scenario.ts';
import type { Connection } from '../server/connection.ts';
import { type Call, Control } from '../server/control.ts';
import { Edge, type Handshake } from '../server/edge.ts';
import { EventQueues } from './event-queues.ts';
import { Failure, shown } from './failure.ts';
import { boundWith } from './patience.ts';
import { announces, describeHandshake, judgeHandshake } from './handshakes.ts';

/** Of the client that a scenario without tokens has. */
const CLIENT_ID = '3f0c8f5e-7a54-4c7e-9d8e-0c9f2d1f6a11';
/** The program of a driver may take so long to start. */
const START_MS = 30_000;
/** For what explains a failure that is certain. */
const LAST_WORDS_MS = 300;

export interface StageOptions {
  scenario: Scenario;
  /** The program of the driver, and its arguments. */
  command: readonly string[];
  /** How long the client may take for what has no time of its own, in milliseconds. */
  patienceMs: number;
}

/** What may not happen while something is waited for. */
interface Wait {
  withinMs?: number | undefined;
  /** The client has to keep its connection meanwhile. */
  onConnection?: boolean;
  /** The application may be closed. */
  mayClose?: boolean;
  /** The client may not connect, whether it has a connection or not. */
  mayNotConnect?: boolean;
}

/** The servers and the driver of one scenario, and all that came from the client and no step has taken yet. */
export class Stage implements AsyncDisposable {
  readonly events = new EventQueues();
  connection: Connection | undefined;
  clientId = CLIENT_ID;
  /** Whether control-api has answered a call other than to register. */
  hasAnswered = false;
  readonly #resources = new AsyncDisposableStack();
  #handshakes: Handshake[] = [];
  readonly #calls: Call[] = [];
  readonly #patienceMs: number;
  #edges: Edge[] = [];
  #driver!: Driver;
  #fault: Failure | undefined;
  #exit: string | undefined;
  #lastEdge: number | undefined;
  #refusedAt = 0;
  #hasConnected = false;
  #notify = (): void => {};

  private constructor({ patienceMs }: StageOptions) {
    this.#patienceMs = patienceMs;
  }

  static async set(options: StageOptions): Promise<Stage> {
    const stage = new Stage(options);
    const { scenario, command } = options;
    const { tokens, presence } = scenario.connect ?? {};
    const resources = stage.#resources;
    for (let number = 0; number < (scenario.edges ?? 1); number++) {
      stage.#edges.push(
        resources.use(await Edge.start(number, (handshake) => stage.#changed(() => stage.#handshakes.push(handshake)))),
      );
    }
    const control = resources.use(await Control.start((call) => stage.#changed(() => stage.#calls.push(call))));
    const config: DriverConfig = {
      version: 1,
      scenario: scenario.name,
      ...(tokens === undefined && { urls: stage.urls, clientId: CLIENT_ID }),
      ...(needsControl(scenario) && { controlUrl: control.url }),
      ...(tokens !== undefined && { tokens }),
      ...(presence !== undefined && { presence }),
    };
    stage.#driver = resources.use(
      new Driver(command, config, {
        onLine: (line) => stage.#changed(() => stage.events.addLine(line)),
        onExit: (why) => stage.#changed(() => (stage.#exit = why)),
      }),
    );
    return stage;
  }

  get urls(): string[] {
    return this.#edges.map(({ url }) => url);
  }

  command(command: object): void {
    this.#driver.send(command);
  }

  /** An upper bound of the scenario, as long as the patience of the run makes it. */
  bound(withinMs: number): number;
  bound(withinMs: number | undefined): number | undefined;
  bound(withinMs: number | undefined): number | undefined {
    return withinMs === undefined ? undefined : boundWith(this.#patienceMs, withinMs);
  }

  /** The next handshake, as the conditions demand it. */
  async handshake(conditions: HandshakeConditions): Promise<Handshake> {
    const withinMs = this.bound(conditions.withinMs) ?? (this.#hasConnected ? undefined : START_MS);
    const handshake = await this.wait('a handshake', () => this.#takePending(), { withinMs });
    this.#hasConnected = true;
    judgeHandshake(handshake, this.clientId, conditions, { edge: this.#lastEdge, endedAt: this.#endedAt });
    this.#lastEdge = handshake.edge;
    return handshake;
  }

  async accept(conditions: HandshakeConditions, mute = false): Promise<Connection> {
    const handshake = await this.handshake(conditions);
    const resumes = announces(handshake, 'resume');
    const connection = await handshake.accept({
      resumes,
      mute,
      onChange: () => this.#notify(),
      onFault: (fault) => this.#changed(() => (this.#fault ??= fault)),
    });
    this.connection = connection;
    if (resumes && conditions.resume === false) {
      const resumed = await this.resumed(connection);
      if (Object.keys(resumed).length > 0) throw new Failure('no positions: the client knows none', shown(resumed));
    }
    return connection;
  }

  refuse(handshake: Handshake, status: number, code: string, retryAfter?: number): void {
    // Taken before the system is called: the client may have the answer before this process goes on.
    this.#refusedAt = performance.now();
    handshake.refuse(status, code, retryAfter);
    this.connection = undefined;
  }

  resumed(connection: Connection): Promise<Record<string, string>> {
    return this.wait('resume frames', () => connection.resumed, { onConnection: true });
  }

  call(wait: Wait = {}): Promise<Call> {
    return this.wait('a call of control-api', () => this.#calls.shift(), wait);
  }

  /** Lets time pass, while nothing may happen that a wait for something would not allow. */
  async pass(expected: string, forMs: number, wait: Wait): Promise<void> {
    await this.wait(expected, () => undefined, { ...wait, withinMs: forMs, atEnd: () => true });
  }

  /** Waits for a handshake, at most so long. */
  isPendingWithin(withinMs: number): Promise<boolean> {
    const look = (): true | undefined => (this.#pending === undefined ? undefined : true);
    return this.wait('handshakes', look, { withinMs, atEnd: () => false });
  }

  /** The first handshake that no step has taken, also when the client has given it up since. */
  get anyHandshake(): string | undefined {
    const [handshake] = this.#handshakes;
    return handshake === undefined ? undefined : describeHandshake(handshake);
  }

  /** Of attempts that were under way when the client learnt that it has to stop. */
  forgetHandshakes(): void {
    this.#handshakes = [];
  }

  /**
   * What `look` gives, as soon as it gives something, or what `atEnd` gives when the time is over. Raises a Failure when
   * something else happens first.
   */
  async wait<T>(
    expected: string,
    look: () => T | undefined,
    { atEnd, ...wait }: Wait & { atEnd?: () => T } = {},
  ): Promise<T> {
    const { withinMs = this.#patienceMs } = wait;
    const until = performance.now() + withinMs;
    for (;;) {
      if (this.#fault !== undefined) throw this.#fault;
      const found = look();
      if (found !== undefined) return found;
      const surprise = this.#surprise(wait);
      if (surprise !== undefined) {
        await this.#lastWords();
        throw new Failure(expected, this.#surprise(wait) ?? surprise);
      }
      const leftMs = until - performance.now();
      if (leftMs <= 0 && atEnd !== undefined) return atEnd();
      if (leftMs <= 0) throw new Failure(expected, `nothing within ${withinMs / 1000} s`);
      await this.#change(leftMs);
    }
  }

  /** Raises a Failure when something has come that no step has taken. */
  assertNothingLeft(): void {
    if (this.#fault !== undefined) throw this.#fault;
    const { left } = this.events;
    if (left !== undefined) throw new Failure('that the application sees no more', shown(left));
    const surprise = this.#surprise({ mayClose: true });
    if (surprise !== undefined) throw new Failure('the end of the scenario', surprise);
    const [call] = this.#calls;
    if (call !== undefined) throw new Failure('no further call', `${call.method} ${call.path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources[Symbol.asyncDispose]();
  }

  get #pending(): Handshake | undefined {
    return this.#handshakes.find((handshake) => !handshake.isGone());
  }

  /** Those that the client gave up before are over with it: the client may. */
  #takePending(): Handshake | undefined {
    const pending = this.#pending;
    if (pending !== undefined) this.#handshakes = this.#handshakes.slice(this.#handshakes.indexOf(pending) + 1);
    return pending;
  }

  get #endedAt(): number | undefined {
    return this.connection === undefined ? this.#refusedAt : this.connection.endedAt;
  }

  #surprise({ onConnection = false, mayClose = false, mayNotConnect = false }: Wait): string | undefined {
    const { connection } = this;
    const { closed } = this.events;
    if (closed !== undefined && !mayClose) return shown(closed);
    if (this.#exit !== undefined && !mayClose) return `that the driver ${this.#exit}`;
    if (mayNotConnect && this.anyHandshake !== undefined) return this.anyHandshake;
    const pending = this.#pending;
    if (pending !== undefined && connection?.isOpen === true) {
      return `${describeHandshake(pending)}, beside the open connection`;
    }
    if (onConnection && connection?.end?.by === 'client') {
      return `that the client ended the connection (${connection.end.code})`;
    }
    return undefined;
  }

  #changed(apply: () => unknown): void {
    try {
      apply();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#fault ??= error;
    }
    this.#notify();
  }

  /** A client that ends a connection may say why, or end itself, a moment later: that tells more. */
  async #lastWords(): Promise<void> {
    const until = performance.now() + LAST_WORDS_MS;
    while (this.events.closed === undefined && this.#exit === undefined && performance.now() < until) {
      await this.#change(until - performance.now());
    }
  }

  /** Fulfilled at the next change, or after so many milliseconds. */
  #change(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, Math.max(0, ms));
      function done(): void {
        clearTimeout(timer);
        resolve();
      }
      this.#notify = done;
    });
  }
}

/** With the address of control-api a client asks it when it cannot connect: a core scenario has none. */
function needsControl({ profile }: Scenario): boolean {
  return profile === 'page' || profile === 'control' || profile === 'tokens';
}

/** Raises a Failure when two values of JSON differ. */
export function same(expected: unknown, seen: unknown): void {
  if (!isDeepStrictEqual(seen, expected)) throw new Failure(shown(expected), shown(seen));
}
