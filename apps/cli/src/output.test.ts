import { describe, expect, it } from 'vitest';
import { table } from './output.ts';

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
