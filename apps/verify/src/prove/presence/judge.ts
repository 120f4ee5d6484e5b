import type { MemberSpans, WatcherLog } from './log.ts';
import { type Interval, closed, common, merged, overlaps, without } from './spans.ts';

/** Within this time presence is right again, whatever happened: as docs/presence.md has it. */
export const RIGHT_WITHIN_MS = 15_000;
/** Short of the grace time by what edges need to notice. */
const BACK_WITHIN_MS = 3000;

export const presenceFaultKinds = [
  'stale',
  'missing',
  'shown-twice',
  'joined-twice',
  'left-unjoined',
  'map-differs',
  'wrong-count',
  'left-and-back',
] as const;

/**
 * - `stale`: shown for 15 s though it was not there.
 * - `missing`: there for 15 s and not shown.
 * - `shown-twice`: shown for 15 s under two ids at once.
 * - `joined-twice`: a join of an id that had joined and not left.
 * - `left-unjoined`: a leave of an id that was not in the map.
 * - `map-differs`: the map is not what the events say.
 * - `wrong-count`: in the end, the count that came is not the number of members.
 * - `left-and-back`: a leave of a member that was back within the grace time, or had never been away.
 */
export type PresenceFaultKind = (typeof presenceFaultKinds)[number];

export interface PresenceFault {
  kind: PresenceFaultKind;
  watcher: number;
  /** The member that it is about; of a count, what it says. */
  member: string;
}

export interface PresenceRun {
  /** Between these, and for 15 s after, what is shown may be wrong. */
  brokenAt: number;
  healedAt: number;
  endAt: number;
  /** Redis forgets nothing in this run, so that a resume within the grace time is no leave. */
  stays: boolean;
}

/** Members by name. */
export type PresenceTruth = ReadonlyMap<string, MemberSpans>;

export function indexSpans(members: readonly MemberSpans[]): PresenceTruth {
  return new Map(members.map((one) => [one.member, one]));
}

/** Compares what one watcher saw with who was there. */
export function judgePresence(log: WatcherLog, truth: PresenceTruth, run: PresenceRun): PresenceFault[] {
  if (!log.isReliable) return [];
  const faults: PresenceFault[] = [];
  const blame = (kind: PresenceFaultKind, member: string) => faults.push({ kind, watcher: log.watcher, member });
  const seen = replay(log, run.endAt, blame);
  for (const member of new Set([...truth.keys(), ...seen.shown.keys()])) {
    const { spans = [], isUncertain = false } = truth.get(member) ?? {};
    if (isUncertain) continue;
    const there = merged(closed(spans, run.endAt));
    const all = seen.shown.get(member) ?? [];
    const shown = merged(all);
    if (isWrong(without(shown, there), seen.watching, run)) blame('stale', member);
    if (isWrong(without(there, shown), seen.watching, run)) blame('missing', member);
    if (isWrong(merged(overlaps(all)), seen.watching, run)) blame('shown-twice', member);
    if (run.stays && leftWhileThere(there, seen.left.get(member) ?? [])) blame('left-and-back', member);
  }
  return faults;
}

interface Seen {
  /** When the watcher had a connection, and knew who is there. */
  watching: readonly Interval[];
  /** When its map had each member; one of two ids twice. */
  shown: ReadonlyMap<string, Interval[]>;
  /** When each member left. */
  left: ReadonlyMap<string, number[]>;
}

/** Goes through what a watcher saw; what contradicts itself is blamed. */
function replay({ events }: WatcherLog, endAt: number, blame: (kind: PresenceFaultKind, member: string) => void): Seen {
  const watching: Interval[] = [];
  const shown = new Map<string, Interval[]>();
  const left = new Map<string, number[]>();
  /** By id. */
  const here = new Map<string, { member: string; from: number }>();
  let count: number | undefined;
  let [isConnected, isKnown, since] = [false, false, 0];
  const remove = (id: string, at: number) => {
    const one = here.get(id);
    if (one === undefined) return;
    here.delete(id);
    listOf(shown, one.member).push({ from: one.from, to: at });
  };
  const watch = (connected: boolean, known: boolean, at: number) => {
    if (isConnected && isKnown) watching.push({ from: since, to: at });
    [isConnected, isKnown, since] = [connected, known, at];
  };
  for (const event of events) {
    const { at } = event;
    if (at > endAt) break;
    switch (event.kind) {
      case 'connected':
      case 'disconnected':
        watch(event.kind === 'connected', isKnown, at);
        break;
      case 'unknown':
      case 'known':
        watch(isConnected, event.kind === 'known', at);
        for (const id of here.keys()) remove(id, at);
        if (event.kind === 'known') for (const { id, member } of event.members) here.set(id, { member, from: at });
        count = undefined;
        break;
      case 'joined':
        if (here.has(event.id)) blame('joined-twice', event.member);
        else here.set(event.id, { member: event.member, from: at });
        break;
      case 'left':
        if (!here.has(event.id)) blame('left-unjoined', event.member);
        remove(event.id, at);
        listOf(left, event.member).push(at);
        break;
      case 'changed':
        count = event.count;
        if (event.size !== here.size) blame('map-differs', `${event.size} members, and ${here.size} by the events`);
    }
  }
  const isWatching = isConnected && isKnown;
  if (isWatching && count !== undefined && count !== here.size) {
    blame('wrong-count', `a count of ${count} with ${here.size} members`);
  }
  watch(false, false, endAt);
  for (const id of here.keys()) remove(id, endAt);
  return { watching, shown, left };
}

/** Whether that held on a connection for longer than it may, before the fault or after it. */
function isWrong(wrong: readonly Interval[], watching: readonly Interval[], run: PresenceRun): boolean {
  const judged = without(watching, [{ from: run.brokenAt, to: run.healedAt }]);
  return common(wrong, judged).some(({ from, to }) => to - from > RIGHT_WITHIN_MS);
}

function leftWhileThere(there: readonly Interval[], left: readonly number[]): boolean {
  const stays = merged(there, BACK_WITHIN_MS);
  return left.some((at) => stays.some(({ from, to }) => at > from && at < to && !isAfterEarlierEnd(stays, from, at)));
}

/** The leave of an earlier stay may be shown when the next has begun. */
const LEAVE_SHOWN_WITHIN_MS = 1500;

function isAfterEarlierEnd(stays: readonly Interval[], from: number, at: number): boolean {
  return at - from < LEAVE_SHOWN_WITHIN_MS && stays.some(({ to }) => to < from);
}

/** How often members were away for a moment and back within the grace time. */
export function resumesIn(truth: PresenceTruth, { brokenAt, endAt }: PresenceRun): number {
  const counts = Array.from(truth.values(), ({ spans }) => {
    const all = merged(closed(spans, endAt)).filter(({ to }) => to >= brokenAt);
    return all.length - merged(all, BACK_WITHIN_MS).length;
  });
  return counts.reduce((sum, count) => sum + count, 0);
}

function listOf<T>(lists: Map<string, T[]>, name: string): T[] {
  const list = lists.get(name) ?? [];
  lists.set(name, list);
  return list;
}
