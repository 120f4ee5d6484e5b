import type { PresenceSnapshot } from '@holdfast/broker/presence-state';
import type { Subscription } from '../topic/subscription.ts';
import { MAX_BATCH } from '../transport/transport.ts';
import type { Snapshot } from './frames.ts';
import { type LiveUpdate, Replica } from './replica.ts';
import { SnapshotReading } from './snapshot-reading.ts';
import type { Watchers, WatchersDeps } from './watchers.ts';

/** No version. */
const NONE = -1;

/** A connection that is shown who is present on a topic. */
interface Watcher {
  readonly subscription: Subscription;
  /** What it was sent last, as a whole. */
  version: number;
  /** What it is being sent, page by page. */
  snapshot: Snapshot | null;
  nextPage: number;
}

/**
 * The native connections of this edge that watch who is present on a topic. Each is sent a snapshot, then every version after it.
 * One that cannot follow is sent nothing until its socket is free, and then what it lacks, or a new snapshot.
 */
export class NativeWatchers implements Watchers {
  readonly #deps: WatchersDeps;
  readonly #watchers = new Map<Subscription, Watcher>();
  /** Null: what is published is not for anybody here. */
  #replica: Replica | null = null;
  readonly #reading: SnapshotReading;

  constructor(deps: WatchersDeps) {
    this.#deps = deps;
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
    return this.#replica?.version ?? null;
  }

  get isIgnorant(): boolean {
    return this.size > 0 && this.#replica === null && !this.#reading.isUnderWay;
  }

  has(subscription: Subscription): boolean {
    return this.#watchers.has(subscription);
  }

  add(subscription: Subscription): void {
    const watcher: Watcher = { subscription, version: NONE, snapshot: null, nextPage: 0 };
    this.#watchers.set(subscription, watcher);
    if (this.isIgnorant) this.refresh();
    else void this.#deps.slicer.run(() => this.#bring(watcher));
  }

  delete(subscription: Subscription): void {
    this.#watchers.delete(subscription);
  }

  clear(): void {
    this.#watchers.clear();
    this.forget();
  }

  forget(): void {
    this.#replica = null;
    this.#reading.forget();
  }

  onReady(subscription: Subscription): void {
    const watcher = this.#watchers.get(subscription);
    if (watcher !== undefined) void this.#deps.slicer.run(() => this.#bring(watcher));
  }

  onLive(update: LiveUpdate): void {
    if (!this.#reading.hold(update) && this.#replica !== null) this.#apply(this.#replica, update);
  }

  /** Those that were sent another version get what was read. */
  refresh(): void {
    this.#reading.refresh();
  }

  #reset(snapshot: PresenceSnapshot | null): void {
    const { topic, slicer } = this.#deps;
    this.#replica = snapshot && new Replica(topic, snapshot);
    if (snapshot === null) return;
    for (const watcher of this.#watchers.values()) {
      watcher.version = NONE;
      watcher.snapshot = null;
      void slicer.run(() => this.#bring(watcher));
    }
  }

  #apply(replica: Replica, update: LiveUpdate): void {
    const applied = replica.apply(update);
    if (applied.kind === 'gap') this.refresh();
    if (applied.kind !== 'changed') return;
    const { slicer } = this.#deps;
    const all = [...this.#watchers.values()];
    for (let from = 0; from < all.length; from += MAX_BATCH) {
      const batch = all.slice(from, from + MAX_BATCH);
      void slicer.run(() => this.#serve(batch, update.version, applied.frame));
    }
  }

  /** Sends one frame to all that have the version before, and the others what they lack. */
  #serve(batch: readonly Watcher[], version: number, frame: Buffer | null): void {
    const ready = frame === null ? [] : batch.filter((watcher) => takes(watcher) && watcher.version === version - 1);
    for (const watcher of ready) watcher.version = version;
    const transports = ready.map(({ subscription }) => subscription.subscriber.transport);
    if (frame !== null && ready.length > 0) {
      this.#deps.broadcast(transports, frame, (index) => ready[index]?.subscription.subscriber.onWaiting());
      this.#deps.onSent(ready.length);
    }
    if (ready.length < batch.length) for (const watcher of batch) this.#bring(watcher);
  }

  /** Sends a connection what it lacks, as far as it takes it. */
  #bring(watcher: Watcher): void {
    while (takes(watcher) && this.#replica !== null) {
      if (watcher.snapshot === null) {
        if (watcher.version === this.#replica.version) return;
        const frames = this.#replica.framesAfter(watcher.version);
        const frame = frames?.[0];
        if (frame !== undefined) {
          watcher.version += 1;
          this.#send(watcher, frame);
          continue;
        }
        watcher.snapshot = this.#replica.snapshot();
        watcher.nextPage = 0;
      }
      const { snapshot, nextPage } = watcher;
      this.#send(watcher, snapshot.page(nextPage));
      watcher.nextPage += 1;
      if (!snapshot.isLast(nextPage)) continue;
      watcher.version = snapshot.version;
      watcher.snapshot = null;
    }
  }

  #send({ subscription }: Watcher, frame: Buffer): void {
    this.#deps.onSent(1);
    subscription.subscriber.sendFrame(frame);
  }
}

function takes({ subscription }: Watcher): boolean {
  return !subscription.ended && !subscription.subscriber.blocked;
}
