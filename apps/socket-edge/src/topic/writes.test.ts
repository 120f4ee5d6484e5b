import { expect, it } from 'vitest';
import type { SentMessage } from './replay-buffer.ts';
import { writeOf } from './writes.ts';

const ROOM = 10;

function messages(...sizes: number[]): SentMessage[] {
  return sizes.map((size, index) => ({
    id: `${index + 1}-0`,
    prev: `${index}-0`,
    frame: Buffer.alloc(size, String(index)),
  }));
}

it('takes as many as have room, in order', () => {
  const all = messages(4, 4, 2, 1);
  expect(writeOf(all, 0, ROOM)).toEqual({ frames: Buffer.from('0000111122'), messages: 3, last: '3-0' });
  expect(writeOf(all, 3, ROOM)).toEqual({ frames: Buffer.from('3'), messages: 1, last: '4-0' });
});

it('takes one that is too large by itself', () => {
  expect(writeOf(messages(11, 1), 0, ROOM)).toMatchObject({ messages: 1, last: '1-0' });
  expect(writeOf(messages(1, 11), 0, ROOM)).toMatchObject({ messages: 1, last: '1-0' });
});

it('does not copy a single one', () => {
  const [only] = messages(3);
  expect(writeOf(only ? [only] : [], 0, ROOM)?.frames).toBe(only?.frame);
});

it('has nothing behind the last', () => {
  expect(writeOf(messages(1), 1, ROOM)).toBeNull();
  expect(writeOf([], 0, ROOM)).toBeNull();
});
