import { expect, it } from 'vitest';
import { tableLines } from './table.ts';

it('aligns the first column to the left and all others to the right, as wide as their widest cell', () => {
  expect(
    tableLines(
      ['fault', 'lost'],
      [
        ['edge-kill', '0'],
        ['flushall', '12,345'],
      ],
    ),
  ).toEqual(['fault        lost', '─────────  ──────', 'edge-kill       0', 'flushall   12,345']);
});
