import { expect, test } from 'vitest';
import type { CommonFault } from '../fault.ts';
import { noPresenceFindings } from '../presence/findings.ts';
import { type Findings, noFindings } from './findings.ts';
import { failedPusherRow, pusherRowOf } from './row.ts';
import type { Facts } from './scenario.ts';

const fault: CommonFault = {
  name: 'example',
  proves: 'An example.',
  quick: true,
  connectionsStay: true,
  recoversWithinMs: 1000,
  inject: async () => Promise.reject(new Error()),
};

function brokenBy(findings: Partial<Findings>, more: Partial<Facts> = {}): string[] {
  const facts: Facts = {
    injection: { proof: 'it happened', brokenAt: 0, healedAt: 0 },
    published: 1,
    refused: 0,
    unanswered: 0,
    missing: [],
    presence: { ...noPresenceFindings(), present: 1, resumed: 0, rightAfterMs: 0, wrong: [] },
    findings: { ...noFindings(), members: 1, recoverMs: 10, mostHandshakes: 2, ...findings },
    ...more,
  };
  const row = pusherRowOf(fault, facts, 1000);
  expect(row.ok).toBe(row.broken.length === 0);
  return row.broken;
}

test('what was published while a client was away breaks nothing', () => {
  expect(brokenBy({ away: 1000 })).toEqual([]);
});

test.each<[Partial<Findings>, string]>([
  [{ faults: { ...noFindings().faults, lost: 2 } }, '2 lost ()'],
  [{ faults: { ...noFindings().faults, 'busy-loop': 1 } }, '1 busy-loop ()'],
  [{ mostHandshakes: 11 }, 'a client made 11 handshakes, and at most 10 are enough'],
  [{ closes: { 1006: 3 } }, 'connections ended: 3 with 1006'],
  [{ notRecovered: 1 }, '1 members never received anything again'],
  [{ recoverMs: 1001 }, 'recovered after 1001 ms, promised are 1000 ms'],
  [
    { complaintCount: 2, complaints: ['member 1: an error came'] },
    '2 times clients saw what they should not: member 1: an error came',
  ],
])('%j is named', (findings, sentence) => {
  expect(brokenBy(findings)).toEqual([sentence]);
});

test('presence that is not right is named', () => {
  const presence = { ...noPresenceFindings(), present: 1, resumed: 0, rightAfterMs: 0, wrong: ['member 1 is wrong'] };
  expect(brokenBy({}, { presence })).toEqual(['presence: member 1 is wrong']);
});

test('a fault that was not carried through says why', () => {
  const row = failedPusherRow(fault, 'not run', 'Redis did not start', 3, 1000);
  expect(row).toMatchObject({ ok: false, verdict: 'not run', broken: ['could not be run: Redis did not start'] });
});
