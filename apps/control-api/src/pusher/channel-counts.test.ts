import type { Edges, Presence } from '@holdfast/broker/broker';
import type { ChannelAttribute } from '@holdfast/protocol/pusher-rest';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CallerGone } from '../limits/bulk-reads.ts';
import { type AskedChannel, ChannelCounter } from './channel-counts.ts';

const ALL: ReadonlySet<ChannelAttribute> = new Set(['user_count', 'subscription_count', 'cache'] as const);
const NONE: ReadonlySet<ChannelAttribute> = new Set();

const named = (count: number, start = 'c-') => Array.from({ length: count }, (_, index) => `${start}${index}`);
const asked = (channels: readonly string[], info = ALL): AskedChannel[] =>
  channels.map((channel) => ({ channel, info }));

/** An edge whose answers are given by the test, and the counter that asks it. */
function counting() {
  const open: PromiseWithResolvers<number | undefined>[] = [];
  const surveySubscribers = vi.fn<Edges['surveySubscribers']>(() => {
    const survey = Promise.withResolvers<number | undefined>();
    open.push(survey);
    return survey.promise;
  });
  const countPresent = vi.fn<Presence['countPresent']>((topics) => Promise.resolve(topics.map(() => 7)));
  const counter = new ChannelCounter({ surveySubscribers });
  const count = (appId: string, channels: AskedChannel[], isGone = () => false) =>
    counter.count(appId, channels, { countPresent, isGone });
  const answer = (number: number | undefined) => {
    for (const survey of open.splice(0)) survey.resolve(number);
  };
  return { open, surveySubscribers, countPresent, count, answer };
}

/** Lets everything go on that waits for nothing from outside. */
const settled = () => new Promise(setImmediate);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('each channel is counted once, by what is of its kind, and where it is asked for', async () => {
  const { count, answer, surveySubscribers, countPresent } = counting();
  const channels = [...asked(['presence-a', 'b', 'b']), ...asked(['b', 'presence-a', 'c'], NONE)];
  const counted = count('3', channels);
  await settled();
  answer(2);
  expect(await counted).toEqual([{ user_count: 7 }, { subscription_count: 2 }, { subscription_count: 2 }, {}, {}, {}]);
  expect(surveySubscribers.mock.calls).toEqual([['!3!b']]);
  expect(countPresent.mock.calls).toEqual([[['!3!presence-a']]]);
});

test('users are counted in pages of five hundred channels, until the caller is gone', async () => {
  const { count, countPresent } = counting();
  const rooms = asked(named(1001, 'presence-'));
  expect(await count('3', rooms)).toHaveLength(1001);
  expect(countPresent.mock.calls.map(([topics]) => topics.length)).toEqual([500, 500, 1]);
  countPresent.mockClear();
  await expect(count('3', rooms, () => countPresent.mock.calls.length === 1)).rejects.toThrow(CallerGone);
  expect(countPresent).toHaveBeenCalledTimes(1);
});

describe('surveys', () => {
  test('are fifty of an app at a time, however many calls want them', async () => {
    const { count, answer, open } = counting();
    const calls = ['a-', 'b-', 'c-'].map((start) => count('3', asked(named(30, start))));
    const other = count('4', asked(['a']));
    await settled();
    expect(open).toHaveLength(51);
    answer(1);
    await settled();
    expect(open).toHaveLength(40);
    answer(1);
    for (const counted of await Promise.all(calls)) {
      expect(counted).toEqual(Array.from({ length: 30 }, () => ({ subscription_count: 1 })));
    }
    expect(await other).toEqual([{ subscription_count: 1 }]);
  });

  test('are not made any more for a caller that is gone', async () => {
    const { count, answer, surveySubscribers } = counting();
    let gone = false;
    const counted = count('3', asked(named(200)), () => gone);
    await settled();
    gone = true;
    answer(1);
    await expect(counted).rejects.toThrow(CallerGone);
    await settled();
    expect(surveySubscribers).toHaveBeenCalledTimes(50);
  });

  test('are not made any more once one has failed', async () => {
    const { count, open, answer, surveySubscribers } = counting();
    const counted = count('3', asked(named(200)));
    await settled();
    for (const survey of open.splice(0)) survey.reject(new Error('no'));
    await expect(counted).rejects.toThrow('no');
    await settled();
    expect(surveySubscribers).toHaveBeenCalledTimes(50);
    const next = count('3', asked(['a']));
    await settled();
    answer(1);
    expect(await next).toEqual([{ subscription_count: 1 }]);
  });

  test('pause for five seconds after an edge did not answer one in time, for this app', async () => {
    const { count, answer, surveySubscribers } = counting();
    const counted = count('3', asked(named(200)));
    await settled();
    answer(undefined);
    expect(await counted).toEqual(Array.from({ length: 200 }, () => ({})));
    expect(await count('3', asked(['a', 'presence-a']))).toEqual([{}, { user_count: 7 }]);
    vi.advanceTimersByTime(4999);
    expect(await count('3', asked(['a']))).toEqual([{}]);
    expect(surveySubscribers).toHaveBeenCalledTimes(50);
    const other = count('4', asked(['a']));
    vi.advanceTimersByTime(1);
    const after = count('3', asked(['a']));
    await settled();
    answer(1);
    expect(await Promise.all([other, after])).toEqual([[{ subscription_count: 1 }], [{ subscription_count: 1 }]]);
  });
});
