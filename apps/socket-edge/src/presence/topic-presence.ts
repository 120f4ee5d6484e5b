import type { PresenceSettings } from '@holdfast/protocol/rest/topics';
import { isAnonymous } from '@holdfast/protocol/user';
import type { TimeSlicer } from '../schedule/slicer.ts';
import type { SubscribedPresence, SubscriberMember, Subscription } from '../topic/subscription.ts';
import type { Members } from './members.ts';
import type { Watchers } from './watchers.ts';
import type { Writer } from './writer.ts';

const MS = 1000;
/** Connections taken in at a time when presence begins. */
const MAX_BATCH = 100;

export type TopicPresenceSettings = Required<PresenceSettings>;

export interface TopicPresenceDeps {
  topic: string;
  incarnation: string;
  settings: TopicPresenceSettings;
  members: Members;
  writer: Writer;
  watchers: Watchers;
  slicer: TimeSlicer;
  /** Finds the public name of a client; called once, later. */
  findRef: (clientId: string, onFound: (ref: string) => void) => void;
  /** Has a version published that shows what is to be shown. */
  publish: (presence: TopicPresence) => void;
  /** It has connections again. */
  onUse: (presence: TopicPresence) => void;
}

/** Who is present on one topic, as far as this edge makes it and shows it. */
export class TopicPresence implements SubscribedPresence {
  readonly topic: string;
  readonly incarnation: string;
  readonly members: Members;
  readonly writer: Writer;
  readonly watchers: Watchers;
  /** How often in a row Redis had another version than the connections here. */
  mismatches = 0;
  /** Since when it is empty, in milliseconds of the monotonic clock. */
  emptySince: number | null = null;
  readonly #deps: TopicPresenceDeps;
  #settings: TopicPresenceSettings;
  /** The member that each connection stands for; null until its name is known, and when it is none. */
  readonly #ids = new Map<Subscription, string | null>();

  constructor(deps: TopicPresenceDeps) {
    this.#deps = deps;
    this.topic = deps.topic;
    this.incarnation = deps.incarnation;
    this.members = deps.members;
    this.writer = deps.writer;
    this.watchers = deps.watchers;
    this.#settings = deps.settings;
  }

  /** No connection is here, and Redis has no member of this edge. */
  get isEmpty(): boolean {
    return this.#ids.size === 0 && this.members.isEmpty && !this.writer.isBusy;
  }

  join(subscription: Subscription): void {
    const { subscriber } = subscription;
    this.#deps.onUse(this);
    if (subscriber.sees(this.topic)) this.watchers.add(subscription);
    const member = this.#memberOf(subscription);
    if (member !== null && member.id !== null) {
      this.#enter(subscription, member.id);
      return;
    }
    this.#ids.set(subscription, null);
    if (member === null) return;
    this.#deps.findRef(subscriber.clientId, (ref) => {
      if (this.#ids.get(subscription) === null) this.#enter(subscription, `~${ref}`);
    });
  }

  leave(subscription: Subscription, isFinal: boolean): void {
    const id = this.#ids.get(subscription) ?? null;
    this.#ids.delete(subscription);
    this.watchers.delete(subscription);
    if (id !== null) this.members.leave(id, isFinal ? 0 : this.#settings.graceSeconds * MS);
  }

  /** Takes in those that were subscribed before there was presence. */
  joinAll(subscriptions: readonly Subscription[]): void {
    for (let from = 0; from < subscriptions.length; from += MAX_BATCH) {
      const batch = subscriptions.slice(from, from + MAX_BATCH);
      void this.#deps.slicer.run(() => {
        for (const subscription of batch) {
          if (!subscription.ended && !this.#ids.has(subscription)) this.join(subscription);
        }
      });
    }
  }

  identify(subscription: Subscription): void {
    if (!this.#ids.has(subscription)) return;
    const id = this.#ids.get(subscription) ?? null;
    const isWatching = this.watchers.has(subscription);
    if (subscription.subscriber.sees(this.topic) !== isWatching) {
      if (isWatching) this.watchers.delete(subscription);
      else this.watchers.add(subscription);
    }
    const member = this.#memberOf(subscription);
    if (member !== null && member.id !== null && member.id !== id) {
      if (id !== null) this.members.leave(id, 0);
      this.#enter(subscription, member.id);
    } else if (id !== null) {
      this.members.update(id, member?.info ?? null);
    }
  }

  /** Clients have other refs: members that are named by theirs are named anew. */
  rename(): void {
    // Who comes back within its grace comes under the other name.
    for (const id of this.members.ids) if (isAnonymous(id)) this.members.unkeep(id);
    for (const [subscription, id] of this.#ids) {
      if (id === null || !isAnonymous(id) || this.#memberOf(subscription)?.id !== null) continue;
      this.#deps.findRef(subscription.subscriber.clientId, (ref) => this.#rename(subscription, id, `~${ref}`));
    }
  }

  onReady(subscription: Subscription): void {
    this.watchers.onReady(subscription);
  }

  /** The topic's presence has changed. */
  change(settings: TopicPresenceSettings): void {
    const before = this.#settings;
    this.#settings = settings;
    if (settings.by !== before.by) {
      const subscriptions = [...this.#ids.keys()];
      for (const subscription of subscriptions) this.leave(subscription, true);
      this.joinAll(subscriptions);
    } else if (settings.show !== before.show || settings.limit !== before.limit) {
      // What connections are shown changes with the next version.
      this.#deps.publish(this);
    }
  }

  /** The topic has no presence any more: nothing more is written or sent. */
  close(): void {
    this.#ids.clear();
    this.members.clear();
    this.watchers.clear();
  }

  #rename(subscription: Subscription, from: string, to: string): void {
    if (from === to) return;
    if (this.#ids.get(subscription) === from) {
      this.members.leave(from, 0);
      this.#enter(subscription, to);
    }
    // Its connection may have ended meanwhile.
    this.members.unkeep(from);
  }

  #enter(subscription: Subscription, id: string): void {
    this.#ids.set(subscription, id);
    this.members.join(id, this.#memberOf(subscription)?.info ?? null);
  }

  #memberOf({ subscriber }: Subscription): SubscriberMember | null {
    return subscriber.memberOn(this.topic, this.#settings.by);
  }
}
