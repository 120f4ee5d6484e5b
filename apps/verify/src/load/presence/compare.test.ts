import { expect, it } from 'vitest';
import { newRun } from '../identity.ts';
import { differences } from './compare.ts';
import { clientWithInfo, infoOf } from './member-info.ts';

const run = newRun();
const members = (...clients: number[]) => new Map<string, unknown>(clients.map((n) => [`~${n}`, infoOf(run, n)]));
const kinds = (map: ReadonlyMap<string, unknown>, ...present: number[]) =>
  differences(run, map, new Set(present)).map(({ kind }) => kind);

it('an info has 50 bytes and says whose it is', () => {
  for (const n of [0, 42, 19_999]) {
    expect(JSON.stringify(infoOf(run, n))).toHaveLength(50);
    expect(clientWithInfo(run, infoOf(run, n))).toBe(n);
  }
  expect(clientWithInfo(newRun(), infoOf(run, 1))).toBeUndefined();
  for (const info of [null, 7, {}, { n: 1 }]) expect(clientWithInfo(run, info)).toBeUndefined();
});

it('a map that shows exactly who is present differs in nothing', () => {
  expect(kinds(members(1, 2, 3), 3, 1, 2)).toEqual([]);
});

it('who is missing, who is not present, and who is there twice, is found', () => {
  expect(kinds(members(1, 2), 1, 2, 3)).toEqual(['missing']);
  expect(kinds(members(1, 2, 3), 1, 2)).toEqual(['notPresent']);
  expect(kinds(members(1, 2).set('~other', infoOf(run, 2)), 1, 2)).toEqual(['notPresent']);
  // As many as there are, and other ones.
  expect(kinds(members(1, 4), 1, 2)).toEqual(['notPresent', 'missing']);
});

it('a member with an info of no client is found', () => {
  expect(kinds(members(1).set('~2', { n: 2, name: 'ann' }), 1)).toEqual(['wrongInfo']);
});
