import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Run, correctRun } from '../../testing/correct-run.ts';
import { type LogEntry, type TruthFault, settle } from './truth.ts';

function faultsOf(run: Run, logs: ReadonlyMap<string, readonly LogEntry[]> = run.logs): TruthFault[] {
  return Array.from(logs, ([topic, log]) => {
    const publications = run.publications.filter((publication) => publication.topic === topic);
    return settle(topic, publications, log).faults;
  }).flat();
}

/** The run with the log of one topic made another one. */
function changed(run: Run, topic: string, change: (log: readonly LogEntry[]) => LogEntry[]) {
  return new Map(run.logs).set(topic, change(run.logs.get(topic) ?? []));
}

describe('the truth', () => {
  it('has no fault when logs have what publishers were answered', () => {
    fc.assert(
      fc.property(correctRun(), (run) => {
        expect(faultsOf(run)).toEqual([]);
      }),
    );
  });

  it('tells what was accepted and is not in the log', () => {
    fc.assert(
      fc.property(correctRun(), (run) => {
        const accepted = run.publications.find(({ outcome }) => outcome.kind === 'published');
        if (accepted === undefined) return;
        const { topic, token } = accepted;
        const logs = changed(run, topic, (log) => log.filter((entry) => entry.token !== token));
        expect(faultsOf(run, logs)).toEqual([{ kind: 'accepted-and-lost', topic, token }]);
      }),
    );
  });

  it('tells what was refused and is in the log', () => {
    fc.assert(
      fc.property(correctRun(), (run) => {
        const refused = run.publications.find(({ outcome }) => outcome.kind === 'refused');
        if (refused === undefined) return;
        const { topic, token } = refused;
        const logs = changed(run, topic, (log) => [...log, { id: '997-0', token }]);
        expect(faultsOf(run, logs)).toEqual([{ kind: 'refused-and-published', topic, token }]);
      }),
    );
  });

  it('tells what is in the log twice, or was never published', () => {
    fc.assert(
      fc.property(correctRun(), (run) => {
        const [topic, log] = [...run.logs].find(([, entries]) => entries.length > 0) ?? ['a', []];
        const token = log[0]?.token ?? 'not-published';
        const logs = changed(run, topic, (entries) => [...entries, { id: '996-0', token }]);
        expect(faultsOf(run, logs)).toEqual([{ kind: 'invented', topic, token }]);
      }),
    );
  });

  it('reports what has another id in the log than its publisher was answered', () => {
    fc.assert(
      fc.property(correctRun(), (run) => {
        const accepted = run.publications.find(({ outcome }) => outcome.kind === 'published');
        if (accepted === undefined) return;
        const { topic, token } = accepted;
        const logs = changed(run, topic, (log) =>
          log.map((entry) => (entry.token === token ? { id: '995-0', token } : entry)),
        );
        expect(faultsOf(run, logs)).toEqual([{ kind: 'moved', topic, token }]);
      }),
    );
  });

  it('takes an unanswered publish for done when the log has it, and for doubtful when not', () => {
    const call = { topic: 'a', askedAt: 1, answeredAt: 2, outcome: { kind: 'unknown' } } as const;
    const publications = [
      { ...call, token: 'kept' },
      { ...call, token: 'gone' },
    ];
    const { truth, faults } = settle('a', publications, [{ id: '1-0', token: 'kept' }]);
    expect(faults).toEqual([]);
    expect(truth.messages).toMatchObject([{ id: '1-0', token: 'kept', inLog: true }]);
    expect(truth.doubts).toMatchObject([{ token: 'gone' }]);
  });
});
