import type { Presence as PresenceFrame } from '@holdfast/protocol/down';
import { Presence, type PresenceEvents } from './presence.ts';
import { PresenceReplica } from './presence-replica.ts';

interface Topic {
  replica: PresenceReplica;
  views: Set<Presence>;
}

/** The presence of all topics that a client sees, over all its connections. */
export class Presences {
  readonly #topics = new Map<string, Topic>();
  readonly #onThrow: (error: unknown, event: keyof PresenceEvents) => void;

  constructor(onThrow: (error: unknown, event: keyof PresenceEvents) => void) {
    this.#onThrow = onThrow;
  }

  view(name: string): Presence {
    const topic = this.#topic(name);
    const view = new Presence(topic.replica, this.#onThrow, (closed) => topic.views.delete(closed));
    topic.views.add(view);
    return view;
  }

  /** A connection begins that receives these topics. */
  welcome(topics: Readonly<Record<string, unknown>>): void {
    for (const [name, { replica }] of this.#topics) {
      if (Object.hasOwn(topics, name)) replica.restart();
      else this.unsubscribed(name);
    }
  }

  /** Also of topics without a view: the edge sends its snapshot once. */
  frame(frame: PresenceFrame): void {
    const topic = this.#topic(frame.topic);
    const change = topic.replica.apply(frame);
    if (change !== undefined) for (const view of topic.views) view.emit(change);
  }

  unsubscribed(name: string): void {
    const topic = this.#topics.get(name);
    if (topic === undefined) return;
    const change = topic.replica.forget();
    if (change !== undefined) for (const view of topic.views) view.emit(change);
    if (topic.views.size === 0) this.#topics.delete(name);
  }

  close(): void {
    for (const { views } of this.#topics.values()) for (const view of views) view.close();
  }

  #topic(name: string): Topic {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      topic = { replica: new PresenceReplica(name), views: new Set() };
      this.#topics.set(name, topic);
    }
    return topic;
  }
}
