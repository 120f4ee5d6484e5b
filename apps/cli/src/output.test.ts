import { describe, expect, it } from 'vitest';
import { counted, table, wantsColor } from './output.ts';

describe('table', () => {
  it('makes each column as wide as its widest cell, and lets nothing steer the terminal', () => {
    expect(
      table(
        ['NAME', 'TOPICS'],
        [
          ['me', 'news'],
          ['\u001b[2Jx', ''],
        ],
      ),
    ).toEqual(['NAME        TOPICS', 'me          news', '\\u001b[2Jx']);
  });
});

describe('colours', () => {
  it.each([
    [{}, true, true],
    [{}, false, false],
    [{ TERM: 'dumb' }, true, false],
    [{ NO_COLOR: '1' }, true, false],
    [{ NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
    [{ NO_COLOR: '' }, true, true],
    [{ FORCE_COLOR: '1' }, false, true],
    [{ FORCE_COLOR: '0' }, true, false],
  ])('of %j on a terminal (%s): %s', (environment, isTerminal, expected) => {
    expect(wantsColor(environment, isTerminal)).toBe(expected);
  });
});

it('a count is singular for one alone', () => {
  expect([0, 1, 2].map((count) => counted(count, 'client'))).toEqual(['0 clients', '1 client', '2 clients']);
});
