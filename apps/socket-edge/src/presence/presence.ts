import type { EdgePresence } from '@holdfast/broker/broker';
import type { PresenceVersion } from '@holdfast/broker/presence-state';
import pLimit from 'p-limit';
import type { Counters } from '../counters.ts';
import { Round } from '../schedule/round.ts';
import type { TimeSlicer } from '../schedule/slicer.ts';
import { Wheel } from '../schedule/wheel.ts';
import type { Topic } from '../topic/topic.ts';
import type { Broadcast } from '../transport/transport.ts';
import { type Member, Members } from './members.ts';
import { Refs } from './refs.ts';
import type { LiveUpdate } from './replica.ts';
import { TopicPresence, type TopicPresenceSettings } from './topic-presence.ts';
import { NativeWatchers } from './native-watchers.ts';
import type { Watchers, WatchersDeps } from './watchers.ts';
import { Writer } from './writer.ts';

/** How exactly calls and the ends of graces are timed. */
const CALLS_EVERY_MS = 20;
const GRACES_EVERY_MS = 100;
/** In so long every topic with members or watchers is compared with Redis once. */
const CHECK_MS = 5000;
/** A topic is compared for so long after its last member: a Redis that lost its last writes may have it again. */
const EMPTY_MS = 15_000;
/** After a call that failed. */
const RETRY_MS = 1000;
/** Topics compared in one call. */
const MAX_BATCH = 500;
/** Calls, and snapshots, under way at a time. */
const MAX_CALLS = 64;
const MAX_READS = 16;
/** One may be due to what is on its way. */
const MAX_MISMATCHES = 1;

export interface PresenceDeps {
  edge: string;
  broker: EdgePresence;
  slicer: TimeSlicer;
  broadcast: Broadcast;
  counters: Counters;
  /** What shows it to connections of another protocol; null for topics of native ones. */
  watchers?: (deps: WatchersDeps) => Watchers | null;
  onError: (error: unknown) => void;
}

/** Who is present at this edge, on all topics that have presence; a topic without it is not in here. */
export class Presence {
  readonly #deps: PresenceDeps;
  /** By name: those with connections, with members in Redis, or without both for a short time. */
  readonly #active = new Map<string, TopicPresence>();
  readonly #calls: Wheel<TopicPresence>;
  readonly #graces: Wheel<Member>;
  readonly #refs: Refs;
  readonly #limitCalls = pLimit(MAX_CALLS);
  readonly #limitReads = pLimit(MAX_READS);
  readonly #presenceOf = new WeakMap<Topic, TopicPresence>();
  /** Calls that are due or under way. */
  readonly #calling = new Map<TopicPresence, Promise<void>>();
  /** Topics whose snapshot has to be read, and could not be yet. */
  readonly #unread = new Set<TopicPresence>();
  readonly #round = new Round(CHECK_MS, this.#active);
  #hasEnded = false;
  /** Of the last call that writes members. Begins with the time: above those of a process before with the same edge id. */
  #sequence = Date.now();

  constructor(deps: PresenceDeps) {
    this.#deps = deps;
    this.#calls = new Wheel({ everyMs: CALLS_EVERY_MS, onDue: (presence) => this.#call(presence) });
    this.#graces = new Wheel({ everyMs: GRACES_EVERY_MS, onDue: (member) => member.of.release(member) });
    this.#refs = new Refs({ broker: deps.broker, onError: deps.onError, onChange: () => this.#rename() });
  }

  /** Members at this edge, one on two topics twice. */
  get members(): number {
    return [...this.#active.values()].reduce((sum, { members }) => sum + members.present, 0);
  }

  get size(): number {
    return this.#active.size;
  }

  /** A topic was opened with presence, or its presence has changed. */
  onSettings(topic: Topic): void {
    const { presence: settings } = topic.settings;
    const known = this.#presenceOf.get(topic);
    if (settings === null) {
      if (known !== undefined) this.#close(known);
      this.#presenceOf.delete(topic);
      topic.presence = null;
    } else if (known !== undefined) {
      known.change(settings);
    } else {
      const active = this.#active.get(topic.name);
      const presence = active?.incarnation === topic.incarnation ? active : this.#open(topic, settings);
      this.#presenceOf.set(topic, presence);
      topic.presence = presence;
      presence.change(settings);
      presence.joinAll(topic.subscriptions());
    }
  }

  /** A version of a topic's presence was published. */
  onLive(topic: string, update: LiveUpdate): void {
    this.#active.get(topic)?.watchers.onLive(update);
  }

  /** Redis has confirmed subscriptions: what was published on these topics may have been missed. */
  onSubscribed(topics: readonly string[]): void {
    const watched = this.#named(topics).filter(({ watchers }) => watchers.size > 0);
    this.#checkAnew(watched).catch(() => {
      // Redis went away again, or answers late: the next round comes.
    });
  }

  /** Once a second: compares those that are due and the refs, repeats reads that failed. Rejects when Redis does not answer. */
  async tend(): Promise<void> {
    const mismatching = [...this.#active.values()].filter(({ mismatches }) => mismatches > 0);
    const some = new Set([...mismatching, ...this.#named(this.#round.due())]);
    for (const { watchers } of this.#unread) if (watchers.size > 0) watchers.refresh();
    this.#unread.clear();
    if (this.#active.size > 0) this.#refs.check();
    await Promise.all([this.#check([...some]), this.#forget(performance.now())]);
  }

  /** Compares all: after Redis was away, or after the lease expired. */
  checkAll(): Promise<void> {
    return this.#checkAnew([...this.#active.values()]);
  }

  /**
   * Writes what is not written yet, and notes that the edge ends in order: those whose connections it has closed stay for
   * as long as they may come back elsewhere. Rejects when Redis does not answer.
   */
  async leave(): Promise<void> {
    const all = [...this.#active.values()];
    this.stop();
    if (all.length === 0) return;
    await Promise.all(this.#calling.values());
    const unwritten = all.filter(({ members, writer }) => members.hasChanges && !writer.isOff);
    // What cannot be written is taken out with the rest, when their grace is over.
    await Promise.allSettled(unwritten.map(({ writer }) => this.#limitCalls(() => writer.write())));
    await this.#deps.broker.leavePresence(this.#deps.edge);
  }

  /** Begins no more calls by itself. */
  stop(): void {
    this.#hasEnded = true;
    this.#calls.stop();
    this.#graces.stop();
    this.#refs.stop();
  }

  #open({ name: topic, incarnation }: Topic, settings: TopicPresenceSettings): TopicPresence {
    const { edge, broker, slicer, broadcast, counters } = this.#deps;
    const members = new Members({
      now: () => performance.now(),
      onChange: () => this.#callSoon(presence),
      keep: (member) => this.#graces.set(member, member.keptUntil),
      unkeep: (member) => this.#graces.delete(member),
    });
    const watching: WatchersDeps = {
      topic,
      slicer,
      broadcast,
      readSnapshot: () => this.#limitReads(() => broker.snapshotPresence(topic)),
      onSent: (frames) => {
        counters.presenceFrames += frames;
      },
      onReadFailed: (error) => {
        this.#unread.add(presence);
        this.#deps.onError(error);
      },
    };
    const watchers = this.#deps.watchers?.(watching) ?? new NativeWatchers(watching);
    const presence: TopicPresence = new TopicPresence({
      topic,
      incarnation,
      settings,
      members,
      watchers,
      writer: new Writer({ topic, edge, broker, members, nextSequence: () => (this.#sequence += 1) }),
      slicer,
      findRef: (clientId, onFound) => this.#refs.find(clientId, onFound),
      publish: (changed) => this.#plan(changed, performance.now()),
      onUse: (used) => this.#activate(used),
    });
    return presence;
  }

  #rename(): void {
    for (const presence of this.#active.values()) presence.rename();
  }

  #activate(presence: TopicPresence): void {
    const other = this.#active.get(presence.topic);
    presence.emptySince = null;
    if (other === presence) return;
    // Of a topic that was deleted.
    if (other !== undefined) this.#close(other);
    this.#active.set(presence.topic, presence);
  }

  #close(presence: TopicPresence): void {
    presence.close();
    this.#calls.delete(presence);
    this.#unread.delete(presence);
    if (this.#active.get(presence.topic) === presence) this.#active.delete(presence.topic);
  }

  #callSoon(presence: TopicPresence): void {
    const now = performance.now();
    this.#plan(presence, now + presence.writer.delayMs(now));
  }

  #plan(presence: TopicPresence, at: number): void {
    const isActive = this.#active.get(presence.topic) === presence;
    if (this.#hasEnded || !isActive || this.#calls.isDueBy(presence, at)) return;
    this.#calls.set(presence, at);
  }

  #call(presence: TopicPresence): void {
    // When it is done, the next one is planned.
    if (this.#hasEnded || this.#calling.has(presence)) return;
    this.#calling.set(presence, this.#write(presence));
  }

  async #write(presence: TopicPresence): Promise<void> {
    let nextMs: number | null;
    try {
      nextMs = await this.#limitCalls(() => presence.writer.write());
    } catch (error) {
      this.#deps.onError(error);
      nextMs = RETRY_MS;
    }
    this.#calling.delete(presence);
    this.#planNext(presence, nextMs);
  }

  #named(topics: readonly string[]): TopicPresence[] {
    return topics.flatMap((topic) => this.#active.get(topic) ?? []);
  }

  #planNext(presence: TopicPresence, nextMs: number | null): void {
    const { writer, members } = presence;
    if (nextMs !== null) this.#plan(presence, performance.now() + nextMs);
    else if (members.hasChanges && !writer.isOff) this.#callSoon(presence);
  }

  /** Until a snapshot has been read, what is known may be of versions that Redis has lost and given again. */
  async #checkAnew(presences: readonly TopicPresence[]): Promise<void> {
    for (const presence of presences) this.#unread.add(presence);
    await this.#check(presences, true);
  }

  /** @param wasAway versions after a loss in Redis may be numbered as those before it: snapshots are read in any case */
  async #check(presences: readonly TopicPresence[], wasAway = false): Promise<void> {
    for (let from = 0; from < presences.length; from += MAX_BATCH) {
      const batch = presences.slice(from, from + MAX_BATCH);
      const callsThen = batch.map(({ writer }) => writer.calls);
      const checks = batch.map(({ topic, writer }) => ({ topic, sequence: writer.sequence }));
      const found = await this.#deps.broker.checkPresence(this.#deps.edge, checks);
      for (const [index, presence] of batch.entries()) {
        if (this.#hasEnded || this.#active.get(presence.topic) !== presence) continue;
        const isCurrent = callsThen[index] === presence.writer.calls && !presence.writer.isBusy;
        this.#compare(presence, found[index] ?? null, isCurrent, wasAway);
      }
    }
  }

  /** @param isCurrent nothing was written since Redis was asked */
  #compare(presence: TopicPresence, found: PresenceVersion | null, isCurrent: boolean, wasAway: boolean): void {
    const { writer, watchers, members } = presence;
    if (found === null) {
      presence.mismatches = 0;
      // Nothing is kept of its members, and nothing is left to be written should it have presence again.
      if (writer.isOff && members.present === 0) this.#close(presence);
      return;
    }
    if (isCurrent && (found.sequence !== writer.sequence || (writer.isOff && !members.isEmpty))) {
      writer.rewrite();
      this.#plan(presence, performance.now());
    } else if (isCurrent && found.pending) {
      this.#plan(presence, performance.now());
    }
    if (watchers.size === 0 && watchers.version !== null) watchers.forget();
    // Before it is read: a read that fails marks it again.
    if (wasAway) this.#unread.delete(presence);
    if (wasAway && watchers.version !== null) {
      presence.mismatches = 0;
      watchers.refresh();
    } else if (watchers.version === null || watchers.version === found.version) {
      presence.mismatches = 0;
      if (watchers.isIgnorant) watchers.refresh();
    } else if (presence.mismatches < MAX_MISMATCHES) {
      presence.mismatches += 1;
    } else {
      presence.mismatches = 0;
      watchers.refresh();
    }
  }

  /** Takes topics out that were empty for long. */
  async #forget(now: number): Promise<void> {
    const listed: string[] = [];
    for (const presence of this.#active.values()) {
      if (!presence.isEmpty) presence.emptySince = null;
      else presence.emptySince ??= now;
      if (presence.emptySince === null || now - presence.emptySince < EMPTY_MS) continue;
      if (presence.writer.forget()) listed.push(presence.topic);
      this.#close(presence);
    }
    if (listed.length > 0) await this.#deps.broker.forgetPresence(this.#deps.edge, listed);
  }
}
