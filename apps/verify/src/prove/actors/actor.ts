import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { History } from '../history/history.ts';
import type { Calls } from './calls.ts';
import { Line } from './line.ts';
import { Positions } from './positions.ts';

/** How often a call is repeated that got no answer: its outcome would stay unknown. */
const TRIES = 12;
const PAUSE_MS = 250;
const UNREGISTERED = 4410;
const REPLACED = 4409;
const CONFLICT = 409;

export type Resume = 'latest' | 'older' | 'none';

export interface ActorOptions {
  history: History;
  calls: Calls;
  edgeUrls: readonly string[];
  /** Whoever keeps an actor connected draws its edges with this. */
  random: () => number;
}

/** One client of a history: what it asks of the API, and its connections. */
export class Actor {
  readonly id = randomUUID();
  readonly lines: Line[] = [];
  readonly positions = new Positions();
  /** Whether it wants a registration, and a connection. */
  isRegistered = false;
  wantsLine = false;
  readonly #options: ActorOptions;

  constructor(options: ActorOptions) {
    this.#options = options;
  }

  /** The newest of its connections that stand. */
  get line(): Line | undefined {
    return this.lines.findLast((line) => line.isOpen);
  }

  /** Registers it; where an unanswered try may have done so, that ends first. Gives whether it is for certain. */
  async register(topics: readonly string[]): Promise<boolean> {
    this.isRegistered = true;
    let isUnknown = false;
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      const { outcome, status } = await this.#options.calls.register(this.id, topics);
      if (outcome === 'ok') return true;
      if (outcome === 'refused' && status !== CONFLICT) return false;
      if (status === CONFLICT && !isUnknown) return true;
      isUnknown = true;
      if (status === CONFLICT) await this.#certainly(() => this.#options.calls.unregister(this.id));
      else await delay(PAUSE_MS);
    }
    return false;
  }

  async unregister(): Promise<boolean> {
    this.isRegistered = false;
    return this.#certainly(() => this.#options.calls.unregister(this.id));
  }

  subscribe(topics: readonly string[]): Promise<boolean> {
    return this.#certainly(() => this.#options.calls.change('subscribe', this.id, topics));
  }

  unsubscribe(topics: readonly string[]): Promise<boolean> {
    return this.#certainly(() => this.#options.calls.change('unsubscribe', this.id, topics));
  }

  disconnect(): Promise<boolean> {
    return this.#certainly(() => this.#options.calls.disconnect(this.id));
  }

  /** Opens a connection; one that it has is replaced. */
  connect(edge: number, resume: Resume = 'latest', share = 0): Line {
    const { history, edgeUrls } = this.#options;
    const url = edgeUrls[edge % edgeUrls.length];
    if (url === undefined) throw new Error('an installation has an edge');
    const positions =
      resume === 'none' ? null : resume === 'latest' ? this.positions.latest() : this.positions.older(share);
    const line: Line = new Line({
      history,
      url,
      edge: edge % edgeUrls.length,
      client: this.id,
      positions,
      // Of the newest alone: what an older one still gets is behind it.
      onFrame: (frame) => {
        if (this.lines.at(-1) === line) this.positions.take(frame);
      },
    });
    this.lines.push(line);
    return line;
  }

  /** From now on it connects again whenever it has no connection, and registers when its close code demands it. */
  keep(topics: readonly string[], signal: AbortSignal): void {
    this.wantsLine = true;
    void this.#keep(topics, signal);
  }

  async #keep(topics: readonly string[], signal: AbortSignal): Promise<void> {
    const { edgeUrls, random } = this.#options;
    while (!signal.aborted) {
      await delay(PAUSE_MS / 2 + random() * PAUSE_MS);
      const last = this.lines.at(-1);
      const isTrying = last !== undefined && last.code === null;
      if (!this.wantsLine || !this.isRegistered || isTrying || this.line !== undefined) continue;
      if (last?.code === UNREGISTERED) await this.#findOut(topics);
      if (last?.code === REPLACED) await delay(PAUSE_MS);
      if (signal.aborted) return;
      const line = this.connect(Math.floor(random() * edgeUrls.length));
      if (!(await line.welcomed)) await this.#findOut(topics);
    }
  }

  /** A connection that is refused, or unregistered, may be so because Redis has lost the registration. */
  async #findOut(topics: readonly string[]): Promise<void> {
    if (!this.isRegistered) return;
    const seen = await this.#options.calls.view(this.id, false);
    if (seen === null && this.isRegistered) await this.register(topics);
  }

  /** Repeats a call until it has an answer that says what happened. */
  async #certainly(call: () => Promise<{ outcome: string }>): Promise<boolean> {
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      const { outcome } = await call();
      if (outcome !== 'unknown') return outcome === 'ok';
      await delay(PAUSE_MS);
    }
    return false;
  }
}
