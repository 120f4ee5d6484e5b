import type { CommonFault } from '../fault.ts';
import { noPresenceFindings } from '../presence/findings.ts';
import { type RowBasics, type Verdict, brokenPresence, failureText, presenceOf } from '../row.ts';
import { noFindings } from './findings.ts';
import { faultKinds } from './judge.ts';
import type { Facts } from './scenario.ts';

/** One line of the table. */
export interface PusherRow extends RowBasics {
  members: number;
  published: number;
  /** Calls that publish and were refused for certain, and calls without an answer that says either. */
  refused: number;
  unanswered: number;
  received: number;
  /** Published on a channel while a connection was subscribed to it, and not received. */
  lost: number;
  /** Published while a client had no subscription, which this protocol cannot make up for. */
  away: number;
  duplicated: number;
  reordered: number;
  phantom: number;
  /** In all, and the most that one client made. */
  handshakes: number;
  mostHandshakes: number;
  longestSilenceMs: number;
  recoverMs: number | null;
}

/** A client that was cut off comes again a second later, once; more attempts than these are too many, however slow. */
const MAX_HANDSHAKES = 10;
const READABLE = 3;

/** What a run says of the promises. */
export function pusherRowOf(fault: CommonFault, facts: Facts, elapsedMs: number): PusherRow {
  const { findings, injection } = facts;
  const { faults } = findings;
  const broken = [...brokenPromises(fault, facts), ...brokenPresence(facts.presence)];
  const ok = broken.length === 0;
  return {
    fault: fault.name,
    ok,
    verdict: ok ? 'ok' : 'broken',
    broken,
    proof: injection.proof,
    members: findings.members,
    published: facts.published,
    refused: facts.refused,
    unanswered: facts.unanswered,
    received: findings.received,
    lost: faults.lost,
    away: findings.away,
    duplicated: faults.duplicated,
    reordered: faults.reordered,
    phantom: faults.phantom,
    handshakes: findings.handshakes,
    mostHandshakes: findings.mostHandshakes,
    longestSilenceMs: Math.round(findings.longestSilenceMs),
    recoverMs: findings.recoverMs === null ? null : Math.round(findings.recoverMs),
    seconds: Math.round(elapsedMs / 100) / 10,
    presence: presenceOf(facts.presence),
  };
}

/** The line of a fault that was not carried through to its end. */
export function failedPusherRow(
  fault: CommonFault,
  verdict: Verdict,
  reason: string,
  members: number,
  elapsedMs: number,
): PusherRow {
  const injection = { proof: '', brokenAt: 0, healedAt: 0 };
  const presence = { ...noPresenceFindings(), present: 0, resumed: 0, rightAfterMs: 0, wrong: [] };
  const nothing = { injection, presence, published: 0, refused: 0, unanswered: 0, missing: [] };
  const row = pusherRowOf(fault, { ...nothing, findings: { ...noFindings(), members } }, elapsedMs);
  return { ...row, ok: false, verdict, broken: [failureText(verdict, reason)] };
}

function brokenPromises(fault: CommonFault, { findings, injection, missing }: Facts): string[] {
  const broken = [...(injection.broken ?? [])];
  for (const kind of faultKinds) {
    if (findings.faults[kind] === 0) continue;
    const samples = findings.samples
      .filter((sample) => sample.kind === kind)
      .slice(0, READABLE)
      .map(({ member, channel, token }) => `member ${member}, ${channel} ${token}`);
    broken.push(`${findings.faults[kind]} ${kind} (${samples.join('; ')})`);
  }
  if (findings.mostHandshakes > MAX_HANDSHAKES) {
    broken.push(`a client made ${findings.mostHandshakes} handshakes, and at most ${MAX_HANDSHAKES} are enough`);
  }
  if (findings.complaintCount > 0) {
    broken.push(`${findings.complaintCount} times clients saw what they should not: ${findings.complaints.join('; ')}`);
  }
  if (missing.length > 0) broken.push(`not everybody received in the end: ${missing.join('; ')}`);
  if (fault.connectionsStay === true && Object.keys(findings.closes).length > 0) {
    const ended = Object.entries(findings.closes).map(([code, count]) => `${count} with ${code}`);
    broken.push(`connections ended: ${ended.join(', ')}`);
  }
  if (findings.notRecovered > 0) broken.push(`${findings.notRecovered} members never received anything again`);
  if (findings.recoverMs !== null && findings.recoverMs > fault.recoversWithinMs) {
    broken.push(`recovered after ${Math.round(findings.recoverMs)} ms, promised are ${fault.recoversWithinMs} ms`);
  }
  return broken;
}
