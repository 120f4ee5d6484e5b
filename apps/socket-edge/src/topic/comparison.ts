import type { EdgeBroker } from '@holdfast/broker/broker';
import { settingsText } from '@holdfast/broker/topic-state';
import { BEGINNING } from '@holdfast/protocol/position-order';
import { Round } from '../schedule/round.ts';
import type { Topic } from './topic.ts';

/** In so long every quiet topic is compared with Redis once. */
const QUIET_MS = 10_000;
/** A topic that was received or compared so lately is not quiet. */
const LATELY_MS = 1000;
/** Topics compared at a time. */
const MAX_BATCH = 500;

/** Compares topics with Redis: their last messages, whether they exist, and their settings. What fails is repeated. */
export class TopicComparison {
  readonly #broker: Pick<EdgeBroker, 'readTopics' | 'compareTopics'>;
  readonly #topics: ReadonlyMap<string, readonly Topic[]>;
  readonly #round: Round;
  /** Topics of which a read failed. */
  readonly #unread = new Set<Topic>();
  /** Names of topics whose settings were changed, and could not be read. */
  readonly #unreadSettings = new Set<string>();

  /** @param topics by name, whatever comes and goes among them */
  constructor(broker: Pick<EdgeBroker, 'readTopics' | 'compareTopics'>, topics: ReadonlyMap<string, readonly Topic[]>) {
    this.#broker = broker;
    this.#topics = topics;
    this.#round = new Round(QUIET_MS, topics);
  }

  /** Redis did not answer: the topic is read again. */
  onReadFailed(topic: Topic): void {
    this.#unread.add(topic);
  }

  /** The topic exists no more. */
  onGone(topic: Topic): void {
    this.#unread.delete(topic);
  }

  /** Once a second: repeats what failed, and compares quiet topics. Rejects when Redis does not answer. */
  async tend(): Promise<void> {
    const unread = [...this.#unread];
    this.#unread.clear();
    for (const topic of unread) void topic.sequencer.sync();
    if (this.#unreadSettings.size > 0) void this.readSettings([...this.#unreadSettings]);
    const now = performance.now();
    const due = this.#named(this.#round.due());
    await this.#compare(due.filter(({ state, sequencer }) => state === 'open' && now - sequencer.freshAt >= LATELY_MS));
  }

  /** Compares the last messages of topics, many at once; only where they differ is the log read. */
  async compare(names: Iterable<string>): Promise<void> {
    await this.#compare(this.#named(names));
  }

  /** The settings of topics have changed. */
  async readSettings(names: readonly string[]): Promise<void> {
    for (const name of names) this.#unreadSettings.delete(name);
    const open = names.filter((name) => this.#topics.has(name));
    const since = performance.now();
    try {
      const states = await this.#broker.readTopics(open);
      for (const [index, name] of open.entries()) {
        for (const topic of this.#named([name])) topic.onState(states[index] ?? null, since);
      }
    } catch {
      for (const name of open) this.#unreadSettings.add(name);
    }
  }

  #named(names: Iterable<string>): Topic[] {
    return [...names].flatMap((name) => this.#topics.get(name) ?? []);
  }

  async #compare(topics: readonly Topic[]): Promise<void> {
    for (let from = 0; from < topics.length; from += MAX_BATCH) {
      try {
        await this.#compareBatch(topics.slice(from, from + MAX_BATCH));
      } catch (error) {
        for (const topic of topics.slice(from)) this.#unread.add(topic);
        throw error;
      }
    }
  }

  async #compareBatch(topics: readonly Topic[]): Promise<void> {
    const known = topics.map(({ name, incarnation, sequencer, settings }) => ({
      topic: name,
      incarnation,
      last: sequencer.lastReceived ?? BEGINNING,
      settings: settingsText(settings),
    }));
    const since = performance.now();
    const differing = await this.#broker.compareTopics(known);
    for (const [index, topic] of topics.entries()) {
      const one = known[index];
      const state = one && differing.get(one);
      if (state === undefined) topic.sequencer.onUnchanged(since);
      else topic.onState(state, since);
    }
  }
}
