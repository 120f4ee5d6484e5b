import { setTimeout as delay } from 'node:timers/promises';
import { forEachBounded } from '@holdfast/harness/bounded';
import type { Control } from '../control.ts';
import { History } from '../history/history.ts';
import { isMissingNow } from '../model/judge.ts';
import { monotonicMs } from '@holdfast/harness/clock';
import { Actor } from './actor.ts';
import { Calls } from './calls.ts';

/** Every connection follows every change within this time once everything is whole, as section 6 of the contract has it. */
export const FOLLOWS_WITHIN_MS = 30_000;
const CALLS_AT_ONCE = 8;
const TRIES = 120;
const PAUSE_MS = 250;

export interface CompanyOptions {
  control: Control;
  edgeUrls: readonly string[];
  random: () => number;
}

/** Clients whose every call, frame and close goes into one history, to be judged by the model. */
export class Company {
  readonly history = new History();
  readonly calls: Calls;
  readonly actors: Actor[] = [];
  readonly #options: CompanyOptions;

  constructor(options: CompanyOptions) {
    this.#options = options;
    this.calls = new Calls(options.control, this.history);
  }

  /** Creates a topic, however long that takes. */
  async topic(name: string, size = 1000): Promise<void> {
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      if ((await this.calls.createTopic(name, size)).outcome === 'ok') return;
      await delay(PAUSE_MS);
    }
    throw new Error(`the topic ${name} could not be created`);
  }

  /** An actor that is not registered yet. */
  recruit(): Actor {
    const { edgeUrls, random } = this.#options;
    const actor = new Actor({ history: this.history, calls: this.calls, edgeUrls, random });
    this.actors.push(actor);
    return actor;
  }

  /** Actors that are registered and connected, one after the other to the edges with these numbers. */
  async hire(count: number, topics: readonly string[], edges: readonly number[]): Promise<Actor[]> {
    const actors = Array.from({ length: count }, () => this.recruit());
    await forEachBounded(actors, CALLS_AT_ONCE, async (actor, index) => {
      if (!(await actor.register(topics))) throw new Error('a client could not be registered');
      await this.#connect(actor, edges[index % edges.length] ?? 0);
    });
    return actors;
  }

  /** A busy edge may refuse handshakes for a while. */
  async #connect(actor: Actor, edge: number): Promise<void> {
    const deadline = performance.now() + FOLLOWS_WITHIN_MS;
    for (;;) {
      const line = actor.connect(edge);
      if (await line.welcomed) return;
      if (performance.now() > deadline) throw new Error(`a client got no welcome: ${line.status ?? line.code}`);
      await delay(PAUSE_MS);
    }
  }

  /** Does something for each, some at a time. */
  each(actors: readonly Actor[], work: (actor: Actor, index: number) => Promise<unknown>): Promise<void> {
    return forEachBounded(actors, CALLS_AT_ONCE, async (actor, index) => {
      await work(actor, index);
    });
  }

  /** Publishes on a topic until it is taken: for what everybody must get. */
  async publishSurely(topic: string): Promise<void> {
    for (let attempt = 1; attempt <= TRIES; attempt += 1) {
      if ((await this.calls.publish(topic)) !== undefined) return;
      await delay(PAUSE_MS);
    }
    throw new Error(`nothing could be published on ${topic}`);
  }

  /** Waits for what is missing as long as it may take, and has what still is then judged. Gives whether anything is. */
  async checkpoint(): Promise<boolean> {
    await this.settled(FOLLOWS_WITHIN_MS);
    const isMissing = this.#isMissing();
    this.history.record({ kind: 'end', at: monotonicMs() });
    return isMissing;
  }

  /** Waits until nothing is missing any more; what still is after so long stays so. */
  async settled(timeoutMs: number): Promise<void> {
    // By what was waited: on a busy machine judging takes longer than that, and no frame is read meanwhile.
    for (let waitedMs = 0; waitedMs < timeoutMs && this.#isMissing(); waitedMs += PAUSE_MS) await delay(PAUSE_MS);
  }

  /** Whether something would be missing if the history ended now. */
  #isMissing(): boolean {
    const events = this.history.events.filter(({ kind }) => kind !== 'end');
    return isMissingNow([...events, { kind: 'end', at: monotonicMs() }]);
  }
}
