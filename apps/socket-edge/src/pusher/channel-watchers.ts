import { type PresenceSnapshot, presenceUpdate } from '@holdfast/broker/presence-state';
import type { LiveUpdate } from '../presence/replica.ts';
import { SnapshotReading } from '../presence/snapshot-reading.ts';
import type { Watchers, WatchersDeps } from '../presence/watchers.ts';
import type { Subscription } from '../topic/subscription.ts';
import { MAX_BATCH } from '../transport/transport.ts';
import type { MemberView, Members, Step } from './member-views.ts';

/** A connection that is shown the members of a channel. */
interface Watcher {
  readonly subscription: Subscription;
  /** The member that it is itself; null when it is none. */
  readonly own: string | null;
  /** The members that it was shown; null before its greeting. */
  shown: Members | null;
}

/**
 * The connections of this edge that are shown the members of a channel. The protocol has no versions: each connection is
 * sent the difference between what it was shown and the present members, whether they are known from what was published
 * or from a snapshot. One that cannot follow is sent nothing until its socket is free.
 */
export class ChannelWatchers implements Watchers {
  readonly #deps: WatchersDeps;
  readonly #view: MemberView;
  readonly #watchers = new Map<Subscription, Watcher>();
  #current: Members | null = null;
  #version: number | null = null;
  /** Steps to the present members, the same for all that were shown the same. */
  readonly #steps = new Map<Members, Step>();
  /** What connections are greeted with that are among these members, or no member at all: the same for all of them. */
  #greeting: { members: Members; frames: Buffer | null } | null = null;
  /** Members that connections here have become, and that are not among the present ones yet. */
  readonly #joining = new Set<string>();
  readonly #reading: SnapshotReading;
  /** What is published reaches those that have a watcher: what is known was read without one, and may be old by now. */
  #isOld = false;

  constructor(deps: WatchersDeps, view: MemberView) {
    this.#deps = deps;
    this.#view = view;
    this.#reading = new SnapshotReading({
      ...deps,
      onRead: (snapshot) => this.#reset(snapshot),
      onLive: (update) => this.onLive(update),
    });
  }

  get size(): number {
    return this.#watchers.size;
  }

  get version(): number | null {
    return this.#version;
  }

  get isIgnorant(): boolean {
    return this.size > 0 && this.#current === null && !this.#reading.isUnderWay;
  }

  /** Whether there is any member; null when that is not known. */
  get isOccupied(): boolean | null {
    return this.#current === null ? null : this.#current.size > 0;
  }

  has(subscription: Subscription): boolean {
    return this.#watchers.has(subscription);
  }

  /** Resolves when the members have been read, or could not be: false. */
  async whenKnown(): Promise<boolean> {
    if (this.size > 0 && this.#current !== null) return true;
    if (!this.#reading.isUnderWay) this.refresh();
    await this.#reading.whenRead();
    return this.#current !== null;
  }

  /** Whether a member more would be too many. */
  isFull(id: string, max: number): boolean {
    const members = this.#current;
    if (members === null || members.has(id) || this.#joining.has(id)) return false;
    return members.size + this.#joining.size >= max;
  }

  /** Sends a connection that is about to join all members that are known, itself among them. */
  greet(subscription: Subscription): void {
    const member = subscription.subscriber.memberOn(this.#deps.topic, 'user');
    const members = this.#current ?? new Map<string, string | null>();
    const own = member === null || member.id === null ? null : { id: member.id, info: member.info };
    this.#watchers.set(subscription, { subscription, own: own?.id ?? null, shown: members });
    if (own !== null && !members.has(own.id)) this.#joining.add(own.id);
    this.#send(subscription, this.#greetingOf(members, own));
  }

  /** Takes in a connection that is about to join, and was shown these members before. */
  resume(subscription: Subscription, shown: Members): void {
    const own = subscription.subscriber.memberOn(this.#deps.topic, 'user')?.id ?? null;
    this.#watchers.set(subscription, { subscription, own, shown });
  }

  /** The members that a connection was shown; null when it was shown none. */
  shownTo(subscription: Subscription): Members | null {
    return this.#watchers.get(subscription)?.shown ?? null;
  }

  add(subscription: Subscription): void {
    let watcher = this.#watchers.get(subscription);
    if (watcher === undefined) {
      const own = subscription.subscriber.memberOn(this.#deps.topic, 'user')?.id ?? null;
      watcher = { subscription, own, shown: null };
      this.#watchers.set(subscription, watcher);
    }
    if (this.#isOld || this.isIgnorant) this.refresh();
    else this.#bringSoon(watcher);
  }

  delete(subscription: Subscription): void {
    const own = this.#watchers.get(subscription)?.own;
    if (own !== undefined && own !== null) this.#joining.delete(own);
    this.#watchers.delete(subscription);
  }

  clear(): void {
    this.#watchers.clear();
    this.forget();
  }

  forget(): void {
    this.#take(null, null);
    this.#reading.forget();
  }

  onReady(subscription: Subscription): void {
    const watcher = this.#watchers.get(subscription);
    if (watcher !== undefined) this.#bringSoon(watcher);
  }

  onLive(update: LiveUpdate): void {
    if (!this.#reading.hold(update) && this.#current !== null) this.#apply(this.#current, update);
  }

  refresh(): void {
    this.#reading.refresh();
  }

  #reset(snapshot: PresenceSnapshot | null): void {
    this.#isOld = this.size === 0;
    // Without members there is nothing that could be shown.
    if (snapshot === null || snapshot.members === null) this.#take(null, null);
    else this.#take(new Map(snapshot.members.map(({ id, info }) => [id, info])), snapshot.version);
    this.#serveAll();
  }

  #apply(before: Members, { version, data }: LiveUpdate): void {
    if (this.#version === null || version <= this.#version) return;
    const update = presenceUpdate(data);
    if (version !== this.#version + 1 || update.kind !== 'changes') {
      this.refresh();
      return;
    }
    const members = new Map(before);
    for (const id of update.left) members.delete(id);
    for (const { id, info } of update.joined) members.set(id, info);
    this.#take(members, version);
    this.#serveAll();
  }

  #take(members: Members | null, version: number | null): void {
    this.#current = members;
    this.#version = version;
    this.#steps.clear();
    this.#greeting = null;
    if (members === null) this.#joining.clear();
    else for (const id of this.#joining) if (members.has(id)) this.#joining.delete(id);
  }

  #serveAll(): void {
    const { slicer } = this.#deps;
    const all = [...this.#watchers.values()];
    for (let from = 0; from < all.length; from += MAX_BATCH) {
      const batch = all.slice(from, from + MAX_BATCH);
      void slicer.run(() => this.#serve(batch));
    }
  }

  /** Sends those that were shown the same the same frames, and the others what they lack. */
  #serve(batch: readonly Watcher[]): void {
    const shown = batch.find((watcher) => takes(watcher))?.shown ?? null;
    if (shown !== null && this.#current !== null && shown !== this.#current) {
      const { frames, members, ids } = this.#step(shown, this.#current);
      const same = batch.filter((one) => takes(one) && one.shown === shown && (one.own === null || !ids.has(one.own)));
      for (const watcher of same) watcher.shown = members;
      if (frames !== null && same.length > 0) {
        const transports = same.map(({ subscription }) => subscription.subscriber.transport);
        this.#deps.broadcast(transports, frames, (index) => same[index]?.subscription.subscriber.onWaiting());
        this.#deps.onSent(same.length);
      }
    }
    for (const watcher of batch) this.#bring(watcher);
  }

  #bringSoon(watcher: Watcher): void {
    void this.#deps.slicer.run(() => this.#bring(watcher));
  }

  /** Sends a connection what it lacks, as far as it takes it. */
  #bring(watcher: Watcher): void {
    const { subscription, own } = watcher;
    while (takes(watcher) && this.#current !== null && watcher.shown !== this.#current) {
      if (watcher.shown === null) {
        this.greet(subscription);
        return;
      }
      const common = this.#step(watcher.shown, this.#current);
      const isAbout = own !== null && common.ids.has(own);
      const { frames, members } = isAbout ? this.#view.step(watcher.shown, this.#current, own) : common;
      watcher.shown = members;
      this.#send(subscription, frames);
    }
  }

  #greetingOf(members: Members, own: { id: string; info: string | null } | null): Buffer | null {
    if (own !== null && !members.has(own.id)) return this.#view.greeting(members, own);
    if (this.#greeting?.members !== members) this.#greeting = { members, frames: this.#view.greeting(members, null) };
    return this.#greeting.frames;
  }

  #step(from: Members, to: Members): Step {
    let step = this.#steps.get(from);
    if (step === undefined) {
      step = this.#view.step(from, to, null);
      this.#steps.set(from, step);
    }
    return step;
  }

  #send({ subscriber }: Subscription, frames: Buffer | null): void {
    if (frames === null) return;
    this.#deps.onSent(1);
    subscriber.sendFrame(frames);
  }
}

function takes({ subscription }: { subscription: Subscription }): boolean {
  return !subscription.ended && !subscription.subscriber.blocked;
}
