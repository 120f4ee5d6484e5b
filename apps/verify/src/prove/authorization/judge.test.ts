import { describe, expect, it } from 'vitest';
import { type HolderLog, judgeHolders } from './judge.ts';

const EXPIRES_AT = 1_000_000;
const DUE_AT = EXPIRES_AT + 30_000;

const ended: HolderLog = {
  name: 'ann',
  kind: 'ends',
  expiresAt: EXPIRES_AT,
  heldUntil: 0,
  opened: [EXPIRES_AT - 12_000],
  closed: [{ at: DUE_AT + 500, code: 4401 }],
  later: [403, 403],
};
const revoked: HolderLog = {
  ...ended,
  kind: 'revoked',
  expiresAt: EXPIRES_AT + 300_000,
  revoked: { askedAt: EXPIRES_AT, answeredAt: EXPIRES_AT + 2000 },
  closed: [{ at: EXPIRES_AT + 2900, code: 4401 }],
};
const renewed: HolderLog = { ...ended, kind: 'renews', closed: [], later: [] };
const closedAt = (at: number, code = 4401) => ({ closed: [{ at, code }] });

describe('the judge of authorization', () => {
  it('finds nothing in what is right', () => {
    expect(judgeHolders([ended, revoked, renewed])).toEqual([]);
    expect(judgeHolders([{ ...revoked, ...closedAt(EXPIRES_AT + 100) }])).toEqual([]);
    expect(judgeHolders([{ ...ended, ...closedAt(EXPIRES_AT) }])).toEqual([]);
  });

  it.each([
    ['a close that comes too late', { ...ended, ...closedAt(DUE_AT + 3001) }, '1 ms too late'],
    ['a close before the end', { ...ended, ...closedAt(EXPIRES_AT - 1) }, '1 ms too early'],
    ['a close that never comes', { ...ended, closed: [] }, 'was not closed when its authorization was over'],
    ['another close', { ...ended, ...closedAt(DUE_AT, 4410) }, 'closed with 4410'],
    ['a connection after the end', { ...ended, closed: [...ended.closed, ...ended.closed] }, 'connected again'],
    ['a call that is taken after the end', { ...ended, later: [403, 200] }, 'answered with 200 afterwards'],
    ['a handshake that is taken after the end', { ...ended, later: [101] }, 'answered with 101 afterwards'],
    ['a revocation that takes too long', { ...revoked, ...closedAt(EXPIRES_AT + 3501) }, '1 ms too late'],
    ['a revocation without effect', { ...revoked, closed: [] }, 'was not closed when its authorization was revoked'],
    ['a close before the revocation', { ...revoked, ...closedAt(EXPIRES_AT - 5) }, '5 ms too early'],
    [
      'one that renewed and lost its connection',
      { ...renewed, ...closedAt(DUE_AT) },
      'renewed in time, and was closed',
    ],
    ['one that was never connected', { ...renewed, opened: [] }, 'never connected'],
  ])('finds %s', (_what, holder, sentence) => {
    expect(judgeHolders([holder])).toEqual([expect.stringContaining(sentence)]);
  });

  it('gives an edge that stood still until it goes on, and no longer', () => {
    const heldUntil = DUE_AT + 10_000;
    expect(judgeHolders([{ ...ended, heldUntil, ...closedAt(heldUntil + 2000) }])).toEqual([]);
    expect(judgeHolders([{ ...ended, heldUntil, ...closedAt(heldUntil + 3001) }])).toEqual([
      expect.stringContaining('1 ms too late'),
    ]);
  });
});
