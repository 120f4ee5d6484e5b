import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReplayBuffer, type SentMessage, writeOf } from './replay-buffer.ts';

/** The bounds that the buffer states. */
const MAX_MESSAGES = 512;
const MAX_BYTES = 1024 * 1024;

const idOf = (number: number) => `${number}-0`;
const message = (number: number, bytes = 10): SentMessage => ({
  id: idOf(number),
  prev: idOf(number - 1),
  frame: Buffer.alloc(bytes),
});
const messages = (from: number, to: number, bytes?: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => message(from + index, bytes));

function bufferOf(base: number, pushed: readonly SentMessage[]): ReplayBuffer {
  const buffer = new ReplayBuffer(idOf(base));
  for (const each of pushed) buffer.push(each);
  return buffer;
}

describe('a replay buffer', () => {
  it('gives what follows a position, and nothing for one that is out of reach', () => {
    const buffer = bufferOf(10, messages(11, 15));
    expect(buffer.after(idOf(10))?.map(({ id }) => id)).toEqual(['11-0', '12-0', '13-0', '14-0', '15-0']);
    expect(buffer.after(idOf(13))?.map(({ id }) => id)).toEqual(['14-0', '15-0']);
    expect(buffer.after(idOf(15))).toEqual([]);
    for (const far of [idOf(9), idOf(16), '12-1', '0-0']) {
      expect(buffer.after(far)).toBeNull();
      expect(buffer.has(far)).toBe(false);
    }
    expect(buffer.has(idOf(10)) && buffer.has(idOf(11)) && buffer.has(idOf(15))).toBe(true);
  });

  it('keeps the newest messages when there are too many, and still knows where it begins', () => {
    const buffer = bufferOf(0, messages(1, MAX_MESSAGES + 1000));
    expect(buffer.after(idOf(1000))).toHaveLength(MAX_MESSAGES);
    expect(buffer.after(idOf(999))).toBeNull();
  });

  it('keeps no more bytes than it may', () => {
    const bytes = 64 * 1024;
    const buffer = bufferOf(0, messages(1, 100, bytes));
    expect(buffer.after(idOf(100 - MAX_BYTES / bytes))).toHaveLength(MAX_BYTES / bytes);
    expect(buffer.after(idOf(99 - MAX_BYTES / bytes))).toBeNull();
  });

  it('takes older messages in front when they lead up to it, as far as there is room', () => {
    const buffer = bufferOf(100, messages(101, 110));
    buffer.prepend(messages(50, 105));
    expect(buffer.after(idOf(49))?.map(({ id }) => id)).toEqual(messages(50, 110).map(({ id }) => id));

    const full = bufferOf(1000, messages(1001, 1500));
    full.prepend(messages(900, 1000));
    expect(full.after(idOf(1500 - MAX_MESSAGES))).toHaveLength(MAX_MESSAGES);
    expect(full.after(idOf(1499 - MAX_MESSAGES))).toBeNull();
  });

  it('takes no older messages that do not lead up to it', () => {
    const buffer = bufferOf(100, messages(101, 110));
    buffer.prepend(messages(50, 98));
    buffer.prepend(messages(102, 105));
    buffer.prepend([]);
    expect(buffer.has(idOf(98))).toBe(false);
    expect(buffer.after(idOf(100))).toHaveLength(10);
  });
});

/**
 * The oracle: all messages ever in a plain list, and where the kept ones begin. The buffer must know exactly the kept
 * ones, without a gap, within its bounds, and as many as there is room for.
 */
it('agrees with a plain list, whatever is pushed, prepended and asked', () => {
  const step = fc.oneof(
    fc.record({
      push: fc.integer({ min: 1, max: 300 }),
      bytes: fc.constantFrom(10, 200, 5000, 65_536),
    }),
    fc.record({ prepend: fc.integer({ min: 0, max: 300 }), beyond: fc.integer({ min: 0, max: 50 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const START = 1000;
      const sizes = new Map<number, number>();
      const sizeOf = (number: number) => sizes.get(number) ?? 700;
      const buffer = new ReplayBuffer(idOf(START));
      let first = START;
      let last = START;
      const bytesOf = (from: number) => {
        let sum = 0;
        for (let number = from + 1; number <= last; number += 1) sum += sizeOf(number);
        return sum;
      };
      for (const each of steps) {
        if ('push' in each) {
          for (let count = 0; count < each.push; count += 1) {
            last += 1;
            sizes.set(last, each.bytes);
            buffer.push(message(last, each.bytes));
          }
          while (last - first > MAX_MESSAGES || bytesOf(first) > MAX_BYTES) first += 1;
        } else {
          const from = Math.max(1, first - each.prepend + 1);
          const older: SentMessage[] = [];
          for (let number = from; number <= Math.min(last, first + each.beyond); number += 1) {
            older.push(message(number, sizeOf(number)));
          }
          buffer.prepend(older);
          while (first >= from && last - first < MAX_MESSAGES && bytesOf(first - 1) <= MAX_BYTES) first -= 1;
        }
        const kept = buffer.after(idOf(first));
        expect(kept?.map(({ id }) => id)).toEqual(messages(first + 1, last).map(({ id }) => id));
        expect(buffer.has(idOf(first - 1))).toBe(false);
        expect(buffer.has(idOf(last + 1))).toBe(false);
        const middle = (first + last) >> 1;
        expect(buffer.after(idOf(middle))).toHaveLength(last - middle);
      }
    }),
    { numRuns: 60 },
  );
});

const ROOM = 10;

function messagesOf(...sizes: number[]): SentMessage[] {
  return sizes.map((size, index) => ({
    id: `${index + 1}-0`,
    prev: `${index}-0`,
    frame: Buffer.alloc(size, String(index)),
  }));
}

it('takes as many as have room, in order', () => {
  const all = messagesOf(4, 4, 2, 1);
  expect(writeOf(all, 0, ROOM)).toEqual({ frames: Buffer.from('0000111122'), messages: 3, last: '3-0' });
  expect(writeOf(all, 3, ROOM)).toEqual({ frames: Buffer.from('3'), messages: 1, last: '4-0' });
});

it('takes one that is too large by itself', () => {
  expect(writeOf(messagesOf(11, 1), 0, ROOM)).toMatchObject({ messages: 1, last: '1-0' });
  expect(writeOf(messagesOf(1, 11), 0, ROOM)).toMatchObject({ messages: 1, last: '1-0' });
});

it('takes one that leaves a subscriber out by itself', () => {
  const [first, second, third] = messagesOf(1, 1, 1) as [SentMessage, SentMessage, SentMessage];
  const all = [first, { ...second, except: '7' }, third];
  expect(writeOf(all, 0, ROOM)).toEqual({ frames: Buffer.from('0'), messages: 1, last: '1-0' });
  expect(writeOf(all, 1, ROOM)).toEqual({ frames: Buffer.from('1'), messages: 1, last: '2-0', except: '7' });
  expect(writeOf(all, 2, ROOM)).toEqual({ frames: Buffer.from('2'), messages: 1, last: '3-0' });
});

it('does not copy a single one', () => {
  const [only] = messagesOf(3);
  expect(writeOf(only ? [only] : [], 0, ROOM)?.frames).toBe(only?.frame);
});

it('has nothing behind the last', () => {
  expect(writeOf(messagesOf(1), 1, ROOM)).toBeNull();
  expect(writeOf([], 0, ROOM)).toBeNull();
});
