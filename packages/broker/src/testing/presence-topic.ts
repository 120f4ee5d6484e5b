import { randomUUID } from 'node:crypto';
import { DEFAULT_PRESENCE } from '@holdfast/protocol/limits';
import { eventually } from '@holdfast/testkit/eventually';
import { expect, onTestFinished } from 'vitest';
import type { EdgePresence, TopicSettings } from '../broker.ts';
import type { Keys } from '../keys.ts';
import { type LiveSubscriber, liveSubscriber } from '../live/subscriber.ts';
import { type PresenceOutcome, type PresenceUpdate, type PresentMember, presenceUpdate } from '../presence/state.ts';
import { edgeBroker } from '../redis-broker.ts';
import { type TestBroker, openRedis, watched } from './brokers.ts';

/** Longer than any time between two versions. */
const LONG_MS = 60_000;

/** A version as it came on the live channel. */
export type Published = { version: number; count: number } & PresenceUpdate;

export const member = (id: string, info: unknown = null): PresentMember => ({
  id,
  info: info === null ? null : JSON.stringify(info),
});

type Writing = Pick<EdgePresence, 'notePresence' | 'changePresence' | 'setPresence'>;

/** An edge that counts its calls for one topic. */
export class PresentEdge {
  readonly id: string;
  readonly #broker: Writing;
  readonly #topic: string;
  /** That of the last call that was written. */
  sequence = 0;
  #attempt = 1;
  readonly members = new Map<string, PresentMember>();

  constructor(broker: Writing, topic: string, id: string) {
    this.#broker = broker;
    this.#topic = topic;
    this.id = id;
  }

  join(...members: (string | PresentMember)[]): Promise<PresenceOutcome> {
    return this.change(
      members.map((one) => (typeof one === 'string' ? member(one) : one)),
      [],
    );
  }

  leave(...ids: string[]): Promise<PresenceOutcome> {
    return this.change([], ids);
  }

  async change(joined: PresentMember[], left: string[]): Promise<PresenceOutcome> {
    if (this.members.size === 0) await this.#broker.notePresence(this.id, [this.#topic]);
    for (const one of joined) this.members.set(one.id, one);
    for (const id of left) this.members.delete(id);
    this.#attempt += 1;
    const [sequence, confirmed] = [this.#attempt, this.sequence];
    const change = { sequence, confirmed, first: sequence, joined, left };
    return this.#wrote(sequence, await this.#broker.changePresence(this.#topic, this.id, change));
  }

  async set(): Promise<PresenceOutcome> {
    this.#attempt += 1;
    const sequence = this.#attempt;
    const known = { sequence, members: [...this.members.values()] };
    return this.#wrote(sequence, await this.#broker.setPresence(this.#topic, this.id, known));
  }

  #wrote(sequence: number, outcome: PresenceOutcome): PresenceOutcome {
    if (outcome.kind === 'changed') this.sequence = this.members.size === 0 ? 0 : sequence;
    return outcome;
  }
}

/** A topic with presence, and all that is published of it. */
export async function presenceTopic(
  { redis, keys, control, edge, prefix }: TestBroker,
  settings: Partial<NonNullable<TopicSettings['presence']>> = {},
) {
  const topic = randomUUID();
  await control.putTopic(topic, { presence: { ...DEFAULT_PRESENCE, ...settings } });
  const published: Published[] = [];
  const live = await listen(keys, topic, published);
  const here = keys.topicHere(topic);
  let isHeld = false;
  const justPublished = async () => void (await redis.hset(here, 'f', Date.now() + LONG_MS));
  const held = edgeBroker(
    watched(redis, async (command) => {
      if (isHeld && command.startsWith('eval')) await justPublished();
    }),
    prefix,
  );
  const current = () => (isHeld ? held : edge);
  const broker: Writing = {
    notePresence: (...args) => current().notePresence(...args),
    changePresence: (...args) => current().changePresence(...args),
    setPresence: (...args) => current().setPresence(...args),
  };

  /** All that was published until now. */
  async function all(): Promise<Published[]> {
    await live.caughtUp(() => redis.spublish(keys.topicLive(topic), 'served q c'));
    return published;
  }

  return {
    topic,
    here,
    all,
    /** What was published since the last call. */
    news: async () => (await all()).splice(0),
    edge: (id: string) => new PresentEdge(broker, topic, id),
    /** It is time for the next version. */
    due: async () => {
      isHeld = false;
      await redis.hset(here, 'f', 0);
    },
    /** The last version was published just now. */
    justPublished,
    /** The last version was published just now whatever an edge of this topic does, and when, until the next is due. */
    hold: async () => {
      isHeld = true;
      await justPublished();
    },
    snapshot: async () => {
      const snapshot = await edge.snapshotPresence(topic);
      if (snapshot === null) throw new Error('the topic has presence');
      return snapshot;
    },
    setTo: (changed: Partial<NonNullable<TopicSettings['presence']>>) =>
      control.putTopic(topic, { presence: { ...DEFAULT_PRESENCE, ...settings, ...changed } }),
  };
}

async function listen(keys: Keys, topic: string, published: Published[]) {
  const connection = await openRedis('subscriber');
  let markers = 0;
  const subscribed = Promise.withResolvers<void>();
  const live: LiveSubscriber = liveSubscriber({ kind: 'one', openSubscriber: () => connection }, keys, randomUUID(), {
    onTopic: (_, payload) => {
      if (payload.kind === 'served') markers += 1;
      if (payload.kind !== 'presence') return;
      const { version, count, data } = payload;
      published.push({ version, count, ...presenceUpdate(data) });
    },
    onOwn: () => undefined,
    onWakeUp: () => undefined,
    onSubscribed: () => subscribed.resolve(),
    onDisconnected: () => undefined,
  });
  const stop = live.start();
  onTestFinished(() => {
    stop();
    connection.disconnect();
  });
  live.subscribe(topic);
  await subscribed.promise;
  return {
    /** Whatever was published before `mark` comes before it. */
    caughtUp: async (mark: () => Promise<unknown>) => {
      const before = markers;
      await mark();
      await eventually(() => expect(markers).toBeGreaterThan(before));
    },
  };
}
