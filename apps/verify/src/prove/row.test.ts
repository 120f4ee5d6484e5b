import { describe, expect, it } from 'vitest';
import type { FaultKind } from './checker/checker.ts';
import type { TruthFault } from './checker/truth.ts';
import type { Fault, Injection } from './fault.ts';
import { noFindings } from './members/findings.ts';
import type { Findings } from './members/worker-protocol.ts';
import { noPresenceFindings } from './presence/findings.ts';
import { verdictOf } from './row.ts';
import type { Facts } from './scenario.ts';

const fault: Fault = {
  name: 'example',
  proves: 'An example.',
  quick: true,
  recoversWithinMs: 5000,
  inject: async () => injection,
};
const injection: Injection = { proof: 'it broke', brokenAt: 0, healedAt: 1 };
const acceptedAndLost: TruthFault = { kind: 'accepted-and-lost', topic: 'a', token: 't' };

function facts(findings: Partial<Findings> = {}, more: Partial<Facts> = {}): Facts {
  return {
    injection,
    published: 10,
    refused: 0,
    unanswered: 0,
    truthFaults: [],
    findings: { ...noFindings(), received: 10, members: 2, recoverMs: 100, ...findings },
    missing: [],
    presence: { ...noPresenceFindings(), present: 3, resumed: 0, rightAfterMs: 0, wrong: [] },
    ...more,
  };
}

function faultsWith(kind: FaultKind): Findings['faults'] {
  return { ...noFindings().faults, [kind]: 1 };
}

describe('the verdict on a fault', () => {
  it('is good when nothing was found', () => {
    expect(verdictOf(fault, facts(), 1000)).toMatchObject({ ok: true, broken: [], recoverMs: 100, seconds: 1 });
  });

  it.each([
    ['lost', 'lost'],
    ['falsely-recovered', 'lost'],
    ['duplicated', 'duplicated'],
    ['repeated', 'duplicated'],
    ['reordered', 'reordered'],
    ['phantom', 'phantom'],
    ['wrong-audience', 'phantom'],
  ] as const)('is bad for a single message that was %s, in the column "%s"', (kind, column) => {
    const samples = [{ kind, member: 1, topic: 'a', id: '1-0' }];
    const row = verdictOf(fault, facts({ faults: faultsWith(kind), samples }), 0);
    expect(row).toMatchObject({ ok: false, broken: [`1 ${kind} (member 1, a 1-0)`], [column]: 1 });
  });

  it('is bad for a loss that was announced falsely', () => {
    expect(verdictOf(fault, facts({ faults: faultsWith('falsely-announced') }), 0).ok).toBe(false);
  });

  it('is bad when something accepted is in no log, unless logs may forget', () => {
    const lost = facts({}, { truthFaults: [acceptedAndLost] });
    expect(verdictOf(fault, lost, 0).ok).toBe(false);
    expect(verdictOf({ ...fault, logsMayForget: true }, lost, 0).ok).toBe(true);
  });

  it('is bad when somebody lacks something in the end, or never heard again', () => {
    expect(verdictOf(fault, facts({}, { missing: ['member 1'] }), 0).ok).toBe(false);
    expect(verdictOf(fault, facts({ notRecovered: 1 }), 0).ok).toBe(false);
  });

  it('is bad when the recovery took longer than promised', () => {
    expect(verdictOf(fault, facts({ recoverMs: 5001 }), 0).ok).toBe(false);
  });

  it('is bad when connections ended by a fault that should leave them alone', () => {
    const ended = facts({ closes: { 1006: 2 } });
    expect(verdictOf(fault, ended, 0).ok).toBe(true);
    expect(verdictOf({ ...fault, connectionsStay: true }, ended, 0)).toMatchObject({
      ok: false,
      broken: ['connections ended: 2 with 1006'],
    });
  });

  it('tells what the fault itself saw', () => {
    const broken = facts({}, { injection: { ...injection, broken: ['a promise'] } });
    expect(verdictOf(fault, broken, 0)).toMatchObject({ ok: false, broken: ['a promise'] });
  });

  describe('on a latency that must stay as usual', () => {
    const measured = {
      injection: { ...injection, latency: { usual: { from: 0, to: 1 }, meanwhile: { from: 2, to: 3 } } },
    };

    it('is good when the median moved by a tenth at most, and tells both', () => {
      const row = verdictOf(fault, facts({ latencies: [[900, 100, 100], [110]] }, measured), 0);
      expect(row).toMatchObject({ ok: true, latencyMs: { usual: 100, meanwhile: 110 } });
    });

    it('is bad when it moved by more', () => {
      const { broken } = verdictOf(fault, facts({ latencies: [[100], [120]] }, measured), 0);
      expect(broken).toEqual(['deliveries took 120 ms meanwhile, and 100 ms as usual (medians)']);
    });

    it('is bad when nothing was delivered in one of the times', () => {
      expect(verdictOf(fault, facts({ latencies: [[100], []] }, measured), 0).ok).toBe(false);
    });
  });
});
