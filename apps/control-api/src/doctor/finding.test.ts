import { doctorResponse } from '@holdfast/protocol/rest/doctor';
import { expect, it } from 'vitest';
import { fail, ok, reportOf, unknown, useOf, warn } from './finding.ts';

const subject = { id: 'a', why: 'Because.' };
const other = { id: 'b', why: 'Because.' };

it('puts the worst first, and is as good as the worst', () => {
  const report = reportOf([ok(subject, null, 'x'), warn(subject, null, 'y', 'z'), fail(other, null, 'y', 'z')]);
  expect(report.status).toBe('fail');
  expect(report.checks.map(({ status }) => status)).toEqual(['fail', 'warn', 'ok']);
  expect(doctorResponse.strict().parse(report)).toEqual(report);
  expect(reportOf([]).status).toBe('ok');
});

it('says the same of several places once, and only the same', () => {
  const { checks } = reportOf([
    ok(subject, 'one', 'x'),
    ok(subject, 'two', 'x'),
    ok(subject, 'two', 'x'),
    ok(subject, 'three', 'y'),
    ok(other, 'one', 'x'),
  ]);
  expect(checks.map(({ id, where, seen }) => [id, where, seen])).toEqual([
    ['a', 'one, two', 'x'],
    ['a', 'three', 'y'],
    ['b', 'one', 'x'],
  ]);
});

it('what could not be asked is a warning that says so', () => {
  expect(unknown(subject, 'one', 'NOPERM', 'Grant it')).toMatchObject({
    status: 'warn',
    seen: 'could not be asked: NOPERM',
    do: 'Grant it',
  });
});

it.each([
  [0, 100, 'ok'],
  [79, 100, 'ok'],
  [80, 100, 'warn'],
  [94, 100, 'warn'],
  [95, 100, 'fail'],
  [120, 100, 'fail'],
  [0, 0, 'fail'],
])('%i of %i is %s', (used, limit, status) => {
  const found = useOf(subject, null, used, limit, 'More of it');
  expect(found).toMatchObject({ status, do: status === 'ok' ? null : 'More of it' });
  expect(found.seen).toContain(`${used} of ${limit}`);
});
