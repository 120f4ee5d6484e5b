import { type StoredEvent, positionBefore } from '@holdfast/broker/stored-event';
import { describe, expect, test } from 'vitest';
import { Backlog } from './backlog.ts';

const all = () => true;
const event = (partition: string, sequence: number, data = '{}'): StoredEvent => ({
  partition,
  position: `1000-${sequence}`,
  type: 'topic.occupied',
  clientId: null,
  data,
});
const positions = (events: readonly StoredEvent[]) =>
  events.map(({ partition, position }) => `${partition} ${position}`);

/** With these events of partitions, all read. */
function backlogOf(events: Record<string, readonly number[]>): Backlog {
  const backlog = new Backlog(1_000, new Map());
  for (const [name, sequences] of Object.entries(events)) {
    backlog.markChanged(name);
    const next = backlog.nextToRead();
    const last = sequences.at(-1);
    backlog.add(
      name,
      next?.after ?? '',
      { events: sequences.map((n) => event(name, n)), last: last === undefined ? null : `1000-${last}`, isEnd: true },
      all,
    );
  }
  return backlog;
}

describe('a partition', () => {
  test('has one delivery at a time, and its next event when that is settled', () => {
    const backlog = backlogOf({ a: [1, 2] });
    const first = backlog.take(1);
    expect(positions(first)).toEqual(['a 1000-1']);
    expect(backlog.take(1)).toEqual([]);
    backlog.settle(first);
    expect(positions(backlog.take(1))).toEqual(['a 1000-2']);
  });

  test('gives nothing while its delivery is under way, also of what is read meanwhile', () => {
    const backlog = backlogOf({ a: [1] });
    const first = backlog.take(1);
    backlog.markChanged('a');
    const { after = '' } = backlog.nextToRead() ?? {};
    backlog.add('a', after, { events: [event('a', 2)], last: '1000-2', isEnd: true }, all);
    expect(backlog.take(1)).toEqual([]);
    backlog.settle(first);
    expect(positions(backlog.take(1))).toEqual(['a 1000-2']);
  });

  test('takes turns with others', () => {
    const backlog = backlogOf({ a: [1, 2], b: [1] });
    const one = backlog.take(1);
    backlog.settle(one);
    expect(positions([...one, ...backlog.take(1)])).toEqual(['a 1000-1', 'b 1000-1']);
  });

  test('has its cursor moved by what is delivered, and at once by what is not wanted', () => {
    const backlog = backlogOf({ a: [1, 2] });
    backlog.markChanged('b');
    const { after = '' } = backlog.nextToRead() ?? {};
    backlog.add('b', after, { events: [event('b', 5)], last: '1000-5', isEnd: true }, () => false);
    expect(backlog.takeMoved()).toEqual(new Map([['b', '1000-5']]));
    const first = backlog.take(1);
    expect(backlog.takeMoved()).toEqual(new Map());
    backlog.settle(first);
    expect(backlog.takeMoved()).toEqual(new Map([['a', '1000-1']]));
  });

  test('whose delivery waits keeps nothing in memory, and is read again from behind it', () => {
    const backlog = backlogOf({ a: [1, 2, 3] });
    const first = backlog.take(1);
    backlog.block(first);
    expect(backlog.oldest()).toBeNull();
    expect(backlog.nextToRead()).toBeNull();
    backlog.settle(first);
    expect(backlog.nextToRead()).toMatchObject({ name: 'a', after: '1000-1' });
  });

  test('that was set back meanwhile does not take what was read before', () => {
    const backlog = backlogOf({ a: [1, 2] });
    backlog.settle(backlog.take(2));
    backlog.markChanged('a');
    const { after = '' } = backlog.nextToRead() ?? {};
    backlog.rewind(900);
    backlog.add('a', after, { events: [event('a', 3)], last: '1000-3', isEnd: true }, all);
    expect(backlog.take(1)).toEqual([]);
    expect(backlog.nextToRead()).toMatchObject({ name: 'a', after: positionBefore(900) });
    expect(backlog.begins).toBe(900);
  });

  test('is read when its end is beyond what was read, and only then', () => {
    const backlog = backlogOf({ a: [1, 2] });
    expect(backlog.markEnd('a', '1000-2')).toBe(false);
    expect(backlog.markEnd('a', '1000-10')).toBe(true);
    expect(backlog.nextToRead()).toMatchObject({ name: 'a', after: '1000-2' });
  });
});

describe('a batch', () => {
  test('has events of several partitions, each in order, up to its number', () => {
    const backlog = backlogOf({ a: [1, 2], b: [1, 2], c: [1] });
    expect(backlog.readyEvents(10)).toBe(5);
    const first = backlog.take(3);
    expect(positions(first)).toEqual(['a 1000-1', 'a 1000-2', 'b 1000-1']);
    // The rest of b would overtake.
    expect(positions(backlog.take(3))).toEqual(['c 1000-1']);
    backlog.settle(first);
    expect(positions(backlog.take(3))).toEqual(['b 1000-2']);
  });

  test('is bounded in bytes, and an event that is larger goes alone', () => {
    const backlog = new Backlog(1_000, new Map());
    backlog.markChanged('a');
    const { after = '' } = backlog.nextToRead() ?? {};
    const large = JSON.stringify('x'.repeat(300 * 1024));
    const events = [event('a', 1, large), event('a', 2, large), event('a', 3)];
    backlog.add('a', after, { events, last: '1000-3', isEnd: true }, all);
    const first = backlog.take(10);
    expect(positions(first)).toEqual(['a 1000-1']);
    backlog.settle(first);
    expect(positions(backlog.take(10))).toEqual(['a 1000-2', 'a 1000-3']);
  });
});

test('what was begun before is not begun again, and goes on behind it', () => {
  const backlog = new Backlog(1_000, new Map([['a', '1000-1']]));
  const places = [{ partition: 'a', position: '1000-2' }];
  backlog.resume(places);
  backlog.markChanged('a');
  expect(backlog.nextToRead()).toBeNull();
  backlog.settle(places);
  expect(backlog.takeMoved()).toEqual(new Map([['a', '1000-2']]));
  expect(backlog.nextToRead()).toMatchObject({ name: 'a', after: '1000-2' });
});

test('past its bound in memory no more is read until some of it is delivered', () => {
  const backlog = new Backlog(1_000, new Map());
  const large = JSON.stringify('x'.repeat(64 * 1024));
  const names = Array.from({ length: 200 }, (_, index) => `p${index}`);
  for (const name of names) backlog.markChanged(name);
  let read = 0;
  for (let next = backlog.nextToRead(); next !== null; next = backlog.nextToRead()) {
    backlog.add(next.name, next.after, { events: [event(next.name, 1, large)], last: '1000-1', isEnd: true }, all);
    read += 1;
  }
  expect(read).toBeLessThan(70);
  backlog.settle(backlog.take(1));
  expect(backlog.nextToRead()).not.toBeNull();
});

test('no more is read at a time than there is room for, whatever the size of events is', () => {
  const backlog = new Backlog(1_000, new Map());
  const large = JSON.stringify('x'.repeat(64 * 1024));
  const names = Array.from({ length: 100 }, (_, index) => `p${index}`);
  for (const name of names) backlog.markChanged(name);
  let held = 0;
  // As often as it is read at a time, none of which has arrived.
  const underWay = names.map(() => backlog.nextToRead()).filter((next) => next !== null);
  for (const { name, after, count } of underWay) {
    const events = Array.from({ length: count }, (_, index) => event(name, index + 1, large));
    held += count * large.length;
    backlog.add(name, after, { events, last: `1000-${count}`, isEnd: false }, all);
  }
  expect(underWay.length).toBeGreaterThan(4);
  expect(held).toBeLessThan(4.5 * 1024 * 1024);
});

test('a partition with many small events is read in long pages, and in short ones when they become large', () => {
  const backlog = new Backlog(1_000, new Map());
  const sizes = ['{}', '{}', JSON.stringify('x'.repeat(64 * 1024)), '{}'];
  let last = 0;
  const counts = sizes.map((data) => {
    backlog.markChanged('a');
    const { after = '', count = 0 } = backlog.nextToRead() ?? {};
    const events = Array.from({ length: count }, (_, index) => event('a', last + index + 1, data));
    last += count;
    backlog.add('a', after, { events, last: `1000-${last}`, isEnd: false }, () => false);
    return count;
  });
  expect(counts).toEqual([8, 50, 50, 8]);
});
