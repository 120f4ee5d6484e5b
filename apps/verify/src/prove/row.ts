import { faultKinds } from './checker/checker.ts';
import type { Fault } from './fault.ts';
import { noFindings } from './members/findings.ts';
import { noPresenceFindings } from './presence/findings.ts';
import { presenceFaultKinds } from './presence/judge.ts';
import type { PresenceFacts } from './presence/read-presence.ts';
import type { Facts } from './scenario.ts';

/** `not run`: the fault could not be set up or did not happen, so that the run says nothing of the promises. */
export type Verdict = 'ok' | 'broken' | 'not run';

/** What every line has, by whatever door clients come. */
export interface RowBasics {
  fault: string;
  ok: boolean;
  verdict: Verdict;
  /** Why it is not ok, each as a sentence. */
  broken: string[];
  /** How it is known that the fault happened. */
  proof: string;
  seconds: number;
  /** Clients that watched presence, what they were shown, and how long after the fault it was right. */
  presence: Pick<PresenceFacts, 'watchers' | 'joined' | 'left' | 'present' | 'resumed' | 'rightAfterMs'>;
  /** Medians of the delivery latency, in milliseconds, where a fault must not change it. */
  latencyMs?: { usual: number; meanwhile: number };
}

/** One line of the table. */
export interface Row extends RowBasics {
  members: number;
  published: number;
  /** Calls that publish and were refused for certain, and calls without an answer that says either. */
  refused: number;
  unanswered: number;
  received: number;
  /** Missing, and not announced. */
  lost: number;
  /** Missing, gone from the log, and announced as lost. */
  announced: number;
  /** Times that a loss was announced to a client. */
  announcements: number;
  /** Handed out again, or sent again on one connection. */
  duplicated: number;
  /** Came again on another connection, and the client dropped it. */
  deduplicated: number;
  reordered: number;
  /** Never published, or not for this client. */
  phantom: number;
  longestSilenceMs: number;
  recoverMs: number | null;
}

const READABLE = 3;
/** How much longer the median delivery may take meanwhile: a tenth, and what a machine that others share moves it by. */
const LATENCY_RATIO = 1.1;
const LATENCY_NOISE_MS = 2;

/** What a run says of the promises. */
export function verdictOf(fault: Fault, facts: Facts, elapsedMs: number): Row {
  const { findings, injection } = facts;
  const { faults } = findings;
  const row: Omit<Row, 'ok' | 'verdict' | 'broken'> = {
    fault: fault.name,
    proof: injection.proof,
    members: findings.members,
    published: facts.published,
    refused: facts.refused,
    unanswered: facts.unanswered,
    received: findings.received,
    lost: faults.lost + faults['falsely-recovered'],
    announced: findings.announced,
    announcements: findings.announcements,
    duplicated: faults.duplicated + faults.repeated,
    deduplicated: findings.deduplicated,
    reordered: faults.reordered,
    phantom: faults.phantom + faults['wrong-audience'],
    longestSilenceMs: Math.round(findings.longestSilenceMs),
    recoverMs: findings.recoverMs === null ? null : Math.round(findings.recoverMs),
    seconds: Math.round(elapsedMs / 100) / 10,
    presence: presenceOf(facts.presence),
  };
  const broken = [...brokenPromises(fault, facts), ...brokenPresence(facts.presence)];
  if (injection.latency !== undefined) {
    const [usual = [], meanwhile = []] = findings.latencies;
    row.latencyMs = { usual: median(usual), meanwhile: median(meanwhile) };
    broken.push(...slower(row.latencyMs));
  }
  const ok = broken.length === 0;
  return { ...row, ok, verdict: ok ? 'ok' : 'broken', broken };
}

export function presenceOf(facts: PresenceFacts): RowBasics['presence'] {
  const { watchers, joined, left, present, resumed, rightAfterMs } = facts;
  return { watchers, joined, left, present, resumed, rightAfterMs };
}

/** The line of a fault that was not carried through to its end. */
export function failedRow(fault: Fault, verdict: Verdict, reason: string, members: number, elapsedMs: number): Row {
  const injection = { proof: '', brokenAt: 0, healedAt: 0 };
  const nothing = { injection, published: 0, refused: 0, unanswered: 0, truthFaults: [], missing: [] };
  const presence = { ...noPresenceFindings(), present: 0, resumed: 0, rightAfterMs: 0, wrong: [] };
  const row = verdictOf(fault, { ...nothing, presence, findings: { ...noFindings(), members } }, elapsedMs);
  return { ...row, ok: false, verdict, broken: [failureText(verdict, reason)] };
}

export function failureText(verdict: Verdict, reason: string): string {
  return `could not be ${verdict === 'broken' ? 'carried through' : 'run'}: ${reason}`;
}

function brokenPromises(fault: Fault, { findings, truthFaults, injection, missing }: Facts): string[] {
  const broken = [...(injection.broken ?? [])];
  for (const kind of faultKinds) {
    if (findings.faults[kind] === 0) continue;
    const samples = findings.samples
      .filter((sample) => sample.kind === kind)
      .slice(0, READABLE)
      .map(({ member, topic, id }) => `member ${member}, ${topic} ${id}`);
    broken.push(`${findings.faults[kind]} ${kind} (${samples.join('; ')})`);
  }
  const unexpected = truthFaults.filter(({ kind }) => kind !== 'accepted-and-lost' || fault.logsMayForget !== true);
  for (const { kind, topic, token } of unexpected.slice(0, READABLE)) broken.push(`${kind}: ${token} on ${topic}`);
  if (unexpected.length > READABLE) broken.push(`and ${unexpected.length - READABLE} more between publishers and logs`);
  if (missing.length > 0) broken.push(`not everybody had everything in the end: ${missing.join('; ')}`);
  if (fault.connectionsStay === true) {
    const ended = Object.entries(findings.closes).map(([code, count]) => `${count} with ${code}`);
    if (ended.length > 0) broken.push(`connections ended: ${ended.join(', ')}`);
  }
  if (findings.notRecovered > 0) broken.push(`${findings.notRecovered} members never received anything again`);
  if (findings.recoverMs !== null && findings.recoverMs > fault.recoversWithinMs) {
    broken.push(`recovered after ${Math.round(findings.recoverMs)} ms, promised are ${fault.recoversWithinMs} ms`);
  }
  return broken;
}

export function brokenPresence({ faults, samples, wrong }: PresenceFacts): string[] {
  const broken = wrong.slice(0, READABLE).map((sentence) => `presence: ${sentence}`);
  for (const kind of presenceFaultKinds) {
    if (faults[kind] === 0) continue;
    const examples = samples
      .filter((sample) => sample.kind === kind)
      .slice(0, READABLE)
      .map(({ watcher, member }) => `${member} for member ${watcher}`);
    broken.push(`presence: ${faults[kind]} ${kind} (${examples.join('; ')})`);
  }
  return broken;
}

function slower({ usual, meanwhile }: { usual: number; meanwhile: number }): string[] {
  // Written so that NaN, the median of nothing, is no pass.
  const asUsual = meanwhile <= usual * LATENCY_RATIO + LATENCY_NOISE_MS;
  return asUsual ? [] : [`deliveries took ${meanwhile} ms meanwhile, and ${usual} ms as usual (medians)`];
}

function median(numbers: readonly number[]): number {
  const ordered = numbers.toSorted((a, b) => a - b);
  return Math.round((ordered[Math.floor(ordered.length / 2)] ?? Number.NaN) * 10) / 10;
}
