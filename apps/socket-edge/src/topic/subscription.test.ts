import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Subscription, SubscriptionSet } from './subscription.ts';

const SETS = 10_000;
/** An array of one element takes 56 bytes, 184 with room for 16 more. */
const ONE_TOPIC_BYTES = 100;
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const subscription = (name: string) => ({ topic: { name } }) as unknown as Subscription;
const first = subscription('first');
const second = subscription('second');

it('a set of subscriptions is a Map by topic, of whatever size', () => {
  const topic = fc.integer({ min: 0, max: 20 }).map(String);
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ act: fc.constant('add' as const), topic }) },
    { weight: 3, arbitrary: fc.record({ act: fc.constant('delete' as const), topic }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('clear' as const), topic }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const set = new SubscriptionSet();
      const map = new Map<string, Subscription>();
      for (const { act, topic: name } of steps) {
        if (act === 'clear') {
          set.clear();
          map.clear();
        } else if (act === 'delete') {
          set.delete(name);
          map.delete(name);
        } else if (!set.has(name)) {
          const one = subscription(name);
          set.add(one);
          map.set(name, one);
        }
        expect([...set.values()]).toEqual([...map.values()]);
        expect(set.topics()).toEqual([...map.keys()]);
        expect(set.size).toBe(map.size);
        expect(set.get(name)).toBe(map.get(name));
      }
    }),
  );
});

it('a set of subscriptions takes another one of a topic in the place of the first', () => {
  const set = new SubscriptionSet();
  for (let count = 0; count < 20; count += 1) {
    set.add(subscription('always'));
    const newer = subscription('always');
    set.add(newer);
    set.add(subscription(String(count)));
    expect(set.get('always')).toBe(newer);
    expect(set.size).toBe(2 + count);
  }
});

it.each([
  { has: 'has one topic', change: (set: SubscriptionSet) => set.add(first) },
  {
    has: 'had two topics and has one',
    change: (set: SubscriptionSet) => {
      set.add(first);
      set.add(second);
      set.delete('first');
    },
  },
])('a set that $has keeps no room for more', ({ change }) => {
  const sets = Array.from({ length: SETS }, () => new SubscriptionSet());
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (const set of sets) change(set);
  collectGarbage();
  expect((process.memoryUsage().heapUsed - before) / SETS).toBeLessThan(ONE_TOPIC_BYTES);
  expect(sets.every(({ size }) => size === 1)).toBe(true);
});
