import pc from 'picocolors';
import { expect, it } from 'vitest';
import { type Report, nativeColumns, reportText } from './report.ts';
import { failedRow } from './row.ts';
import type { Fault } from './fault.ts';

function fault(name: string): Fault {
  return {
    name,
    proves: 'An example.',
    quick: true,
    recoversWithinMs: 1,
    inject: async () => Promise.reject(new Error()),
  };
}

it('tells a fault that could not be run from a promise that was broken', () => {
  const rows = [
    failedRow(fault('clock'), 'not run', 'there is no compiler', 3, 1000),
    failedRow(fault('edge'), 'broken', 'nothing came', 3, 1000),
  ];
  const report: Report = { ok: false, door: 'native', profile: 'quick', redis: 'single', seed: 1, rows };
  const text = reportText(report, nativeColumns, pc.createColors(false));
  expect(text).toMatch(/^clock .* NOT RUN$/m);
  expect(text).toMatch(/^edge .* BROKEN$/m);
  expect(text).toContain('clock: could not be run: there is no compiler\n');
  expect(text).toContain('edge: could not be carried through: nothing came\n');
  expect(text).toContain('A promise was broken in 1 of 2 faults');
  expect(text).toContain('1 of 2 faults could not be run');
});
