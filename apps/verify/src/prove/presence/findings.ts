import {
  type PresenceFault,
  type PresenceFaultKind,
  type PresenceRun,
  indexSpans,
  judgePresence,
  presenceFaultKinds,
} from './judge.ts';
import type { MemberSpans, Shown, Span, WatchEvent } from './log.ts';
import { closed, merged } from './spans.ts';

const SAMPLES = 8;

/** What watchers found, all together. */
export interface PresenceFindings {
  watchers: number;
  /** Joins and leaves that watchers were shown. */
  joined: number;
  left: number;
  faults: Record<PresenceFaultKind, number>;
  samples: PresenceFault[];
}

export function noPresenceFindings(): PresenceFindings {
  const faults = Object.fromEntries(presenceFaultKinds.map((kind) => [kind, 0])) as PresenceFindings['faults'];
  return { watchers: 0, joined: 0, left: 0, faults, samples: [] };
}

/** What is asked of a client that may be present, and may watch. */
export interface PresentMember {
  readonly member: number;
  readonly isOpen: boolean;
  readonly wasPaused: boolean;
  /** When it was connected and subscribed. */
  readonly spans: readonly Span[];
  /** Undefined for one that does not look. */
  readonly watch:
    { readonly events: readonly WatchEvent[]; readonly count: number | undefined; members: () => Shown[] } | undefined;
}

/** When these members were connected and subscribed; connections of one name are one. */
export function spansOf<M extends PresentMember>(members: readonly M[], nameOf: (member: M) => string): MemberSpans[] {
  const names = Map.groupBy(
    members.filter(({ spans }) => spans.length > 0),
    nameOf,
  );
  return Array.from(names, ([member, ones]) => {
    const all = ones.flatMap(({ spans }) => spans);
    const united = merged(closed(all, Number.MAX_VALUE));
    return {
      member,
      spans: united.map(({ from, to }) => ({ from, to: to === Number.MAX_VALUE ? null : to })),
      isUncertain: ones.some(({ wasPaused }) => wasPaused),
    };
  });
}

/** What the watchers among these members show that is not so now, each as a sentence. */
export function wrongNow(members: readonly PresentMember[], truth: readonly MemberSpans[]): string[] {
  const known = indexSpans(truth);
  const present = truth.filter(isPresent);
  const certain = present.filter(({ isUncertain }) => !isUncertain);
  return members.flatMap(({ member: watcher, isOpen, wasPaused, watch }) => {
    if (watch === undefined || !isOpen || wasPaused) return [];
    const shown = new Set(watch.members().map(({ member }) => member));
    const stale = [...shown].filter((member) => {
      const one = known.get(member);
      return one === undefined || (!isPresent(one) && !one.isUncertain);
    });
    const missing = certain.filter(({ member }) => !shown.has(member));
    if (stale.length > 0) return [`member ${watcher} is shown ${stale.length} that are not there`];
    if (missing.length > 0) return [`member ${watcher} is not shown ${missing.length} that are there`];
    const { count } = watch;
    return count === shown.size ? [] : [`member ${watcher} is shown ${shown.size}, with a count of ${count ?? 'none'}`];
  });
}

export function isPresent({ spans }: MemberSpans): boolean {
  return spans.at(-1)?.to === null;
}

/** What the watchers among these members found. */
export function presenceFindingsOf(
  members: readonly PresentMember[],
  truth: readonly MemberSpans[],
  run: PresenceRun,
): PresenceFindings {
  const known = indexSpans(truth);
  const findings = noPresenceFindings();
  for (const { member, watch, wasPaused } of members) {
    if (watch === undefined) continue;
    const { events } = watch;
    const found = judgePresence({ watcher: member, isReliable: !wasPaused, events }, known, run);
    const faults = { ...noPresenceFindings().faults };
    for (const { kind } of found) faults[kind] += 1;
    addPresence(findings, {
      watchers: 1,
      joined: events.filter(({ kind }) => kind === 'joined').length,
      left: events.filter(({ kind }) => kind === 'left').length,
      faults,
      samples: found.slice(0, SAMPLES),
    });
  }
  return findings;
}

/** Adds up, into the first. */
export function addPresence(sum: PresenceFindings, more: PresenceFindings): void {
  sum.watchers += more.watchers;
  sum.joined += more.joined;
  sum.left += more.left;
  for (const kind of presenceFaultKinds) sum.faults[kind] += more.faults[kind];
  sum.samples = [...sum.samples, ...more.samples].slice(0, SAMPLES);
}
