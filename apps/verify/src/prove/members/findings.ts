import { type Fault, faultKinds, indexTruths, judge, type Truths } from '../checker/checker.ts';
import type { Member } from './member.ts';
import type { CheckOrder, Findings, Window } from './worker-protocol.ts';

const SAMPLES = 8;

export function noFindings(): Findings {
  const faults = Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as Findings['faults'];
  return {
    members: 0,
    received: 0,
    deduplicated: 0,
    announced: 0,
    announcements: 0,
    faults,
    samples: [],
    longestSilenceMs: 0,
    recoverMs: null,
    notRecovered: 0,
    latencies: [],
    closes: {},
  };
}

/** What these members found, all together. */
export function findingsOf(members: readonly Member[], order: CheckOrder): Findings {
  const truths = indexTruths(order.truths);
  const findings = noFindings();
  findings.latencies = order.latencyWithin.map((window) => latenciesOf(truths, members, window));
  for (const member of members) {
    const verdict = judge(truths, member, order.rules);
    const isOwed = member.expectation === 'everything' && member.topics.length > 0;
    const { silenceMs, recoverMs } = timesOf(truths, member, order);
    add(findings, {
      ...noFindings(),
      ...verdict,
      members: 1,
      announcements: member.events.filter(({ kind }) => kind === 'lost').length,
      faults: countOf(verdict.faults),
      samples: verdict.faults.slice(0, SAMPLES),
      longestSilenceMs: isOwed ? silenceMs : 0,
      recoverMs: isOwed ? recoverMs : null,
      notRecovered: isOwed && recoverMs === null ? 1 : 0,
      closes: Object.fromEntries(member.closes),
    });
  }
  return findings;
}

/** Adds up, into the first. */
export function add(sum: Findings, more: Findings): void {
  sum.members += more.members;
  sum.received += more.received;
  sum.deduplicated += more.deduplicated;
  sum.announced += more.announced;
  sum.announcements += more.announcements;
  for (const kind of faultKinds) sum.faults[kind] += more.faults[kind];
  sum.samples = [...sum.samples, ...more.samples].slice(0, SAMPLES);
  sum.longestSilenceMs = Math.max(sum.longestSilenceMs, more.longestSilenceMs);
  if (more.recoverMs !== null) sum.recoverMs = Math.max(sum.recoverMs ?? 0, more.recoverMs);
  sum.notRecovered += more.notRecovered;
  for (const [index, latencies] of more.latencies.entries()) (sum.latencies[index] ??= []).push(...latencies);
  for (const [code, count] of Object.entries(more.closes)) sum.closes[code] = (sum.closes[code] ?? 0) + count;
}

function countOf(faults: readonly Fault[]): Findings['faults'] {
  const counts = noFindings().faults;
  for (const { kind } of faults) counts[kind] += 1;
  return counts;
}

function timesOf(truths: Truths, member: Member, { from, to, recoverFrom }: CheckOrder) {
  let silenceMs = 0;
  let recoverMs: number | null = null;
  let lastAt = from;
  for (const event of member.events) {
    if (event.kind !== 'message' || !event.handedOut) continue;
    const { at, message } = event;
    if (at >= from && at <= to) {
      silenceMs = Math.max(silenceMs, at - lastAt);
      lastAt = at;
    }
    const askedAt = truths.get(message.topic)?.byId.get(message.id)?.askedAt ?? -Infinity;
    if (recoverMs === null && askedAt >= recoverFrom) recoverMs = at - recoverFrom;
  }
  return { silenceMs, recoverMs };
}

function latenciesOf(truths: Truths, members: readonly Member[], { from, to }: Window): number[] {
  const latencies: number[] = [];
  for (const member of members) {
    if (member.wasPaused) continue;
    for (const event of member.events) {
      if (event.kind !== 'message' || !event.handedOut) continue;
      const { at, message } = event;
      const askedAt = truths.get(message.topic)?.byId.get(message.id)?.askedAt;
      if (askedAt !== undefined && askedAt >= from && askedAt <= to) latencies.push(at - askedAt);
    }
  }
  return latencies;
}
