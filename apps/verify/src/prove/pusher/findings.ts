import { type Fault, type FaultKind, type Run, type Truths, faultKinds, indexTruths, judge } from './judge.ts';
import type { Member } from './member.ts';
import type { ChannelTruth } from './order.ts';

const SAMPLES = 8;

export interface CheckOrder {
  truths: readonly ChannelTruth[];
  run: Run;
  /** When everybody had something: silence is measured from then to the end. */
  from: number;
}

/** What members found, all together. */
export interface Findings {
  members: number;
  received: number;
  away: number;
  faults: Record<FaultKind, number>;
  /** The first faults, for the search for their cause. */
  samples: Fault[];
  /** What no client should see, each as a sentence; the first of them. */
  complaints: string[];
  complaintCount: number;
  /** The most that one member made. */
  mostHandshakes: number;
  handshakes: number;
  /** The longest time in which a member received nothing, in milliseconds. */
  longestSilenceMs: number;
  /** Until the last member received something published after the fault, in milliseconds; null when none did. */
  recoverMs: number | null;
  /** Members that never received anything published after it. */
  notRecovered: number;
  /** Connections that ended, by close code. */
  closes: Record<string, number>;
}

export function noFindings(): Findings {
  return {
    members: 0,
    received: 0,
    away: 0,
    faults: Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as Findings['faults'],
    samples: [],
    complaints: [],
    complaintCount: 0,
    mostHandshakes: 0,
    handshakes: 0,
    longestSilenceMs: 0,
    recoverMs: null,
    notRecovered: 0,
    closes: {},
  };
}

export function findingsOf(members: readonly Member[], { truths, run, from }: CheckOrder): Findings {
  const known = indexTruths(truths);
  const findings = noFindings();
  for (const member of members) {
    const { faults, received, away } = judge(known, member, run);
    const counts = { ...noFindings().faults };
    for (const { kind } of faults) counts[kind] += 1;
    const { silenceMs, recoverMs } = timesOf(known, member, from, run);
    add(findings, {
      members: 1,
      received,
      away,
      faults: counts,
      samples: faults.slice(0, SAMPLES),
      complaints: member.complaints.slice(0, 1).map((sentence) => `member ${member.member}: ${sentence}`),
      complaintCount: member.complaints.length,
      mostHandshakes: member.handshakes.length,
      handshakes: member.handshakes.length,
      longestSilenceMs: silenceMs,
      recoverMs,
      notRecovered: recoverMs === null ? 1 : 0,
      closes: Object.fromEntries(member.closes),
    });
  }
  return findings;
}

/** Adds up, into the first. */
export function add(sum: Findings, more: Findings): void {
  sum.members += more.members;
  sum.received += more.received;
  sum.away += more.away;
  for (const kind of faultKinds) sum.faults[kind] += more.faults[kind];
  sum.samples = [...sum.samples, ...more.samples].slice(0, SAMPLES);
  sum.complaints = [...sum.complaints, ...more.complaints].slice(0, SAMPLES);
  sum.complaintCount += more.complaintCount;
  sum.mostHandshakes = Math.max(sum.mostHandshakes, more.mostHandshakes);
  sum.handshakes += more.handshakes;
  sum.longestSilenceMs = Math.max(sum.longestSilenceMs, more.longestSilenceMs);
  if (more.recoverMs !== null) sum.recoverMs = Math.max(sum.recoverMs ?? 0, more.recoverMs);
  sum.notRecovered += more.notRecovered;
  for (const [code, count] of Object.entries(more.closes)) sum.closes[code] = (sum.closes[code] ?? 0) + count;
}

function timesOf(truths: Truths, member: Member, from: number, { healedAt, endAt }: CheckOrder['run']) {
  const all = member.subscriptions.flatMap(({ channel, received }) => received.map((one) => ({ ...one, channel })));
  let silenceMs = 0;
  let lastAt = from;
  let recoverMs: number | null = null;
  for (const { at, channel, token } of all.toSorted((a, b) => a.at - b.at)) {
    if (at >= from && at <= endAt) {
      silenceMs = Math.max(silenceMs, at - lastAt);
      lastAt = at;
    }
    const { messages = [], places } = truths.get(channel) ?? {};
    const askedAt = messages[places?.get(token) ?? -1]?.askedAt ?? -Infinity;
    if (recoverMs === null && askedAt >= healedAt) recoverMs = at - healedAt;
  }
  return { silenceMs, recoverMs };
}
