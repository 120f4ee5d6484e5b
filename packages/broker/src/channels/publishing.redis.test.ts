import { CHANNEL_HISTORY } from '@holdfast/protocol/pusher-limits';
import { comparePositions } from '@holdfast/protocol/position-order';
import { describe, expect, test } from 'vitest';
import type { EdgeBroker } from '../broker.ts';
import { ONE_AND_CLUSTER, frame, newChannel, openBoth } from '../testing/channels.ts';
import { type LogPage, continues } from '../topics/state.ts';

const HOUR_MS = 3_600_000;
const both = await openBoth();

async function logOf(edge: EdgeBroker, topic: string, after: string | null = null): Promise<LogPage> {
  const page = await edge.readLog(topic, after, 1000);
  if (page === null) throw new Error(`there is no channel ${topic}`);
  return page;
}

/** Whether each entry names the one before, from the position at which the log starts. */
function isUnbroken({ start, last, entries }: LogPage): boolean {
  const ids = [start, ...entries.map(({ id }) => id)];
  const inOrder = ids.every((id, index) => index === 0 || comparePositions(ids[index - 1] ?? '', id) < 0);
  return inOrder && entries.every(({ prev }, index) => prev === ids[index]) && ids.at(-1) === last;
}

describe.each(ONE_AND_CLUSTER)('an event on a channel, on %s', (kind) => {
  test('makes the channel, and is the first of its log', async () => {
    const { edge, control } = both(kind);
    const topic = newChannel();
    const id = await control.publishToChannel(topic, { frame: frame('ü') });
    const [state] = await edge.readTopics([topic]);
    expect(state).toMatchObject({ history: CHANNEL_HISTORY, last: id, expireSeconds: null, dormant: false });
    const page = await logOf(edge, topic);
    expect(page.entries).toEqual([{ id, prev: state?.start, data: frame('ü') }]);
    expect(isUnbroken(page)).toBe(true);
  });

  test('makes it once, however many publish and open at a time', async () => {
    const { edge, control } = both(kind);
    const topic = newChannel();
    const numbers = Array.from({ length: 20 }, (_, index) => index);
    const [opened, ids] = await Promise.all([
      Promise.all(numbers.map(() => edge.openChannel(topic, null))),
      Promise.all(numbers.map((n) => (n % 2 ? edge : control).publishToChannel(topic, { frame: frame(`${n}`) }))),
    ]);
    const page = await logOf(edge, topic);
    expect(new Set(opened.map(({ state }) => state.start))).toEqual(new Set([page.start]));
    expect(page.entries.map(({ id }) => id)).toEqual(ids.toSorted(comparePositions));
    expect(isUnbroken(page)).toBe(true);
    // All that follows the position given to a subscriber is there.
    for (const { state } of opened) expect(continues(await logOf(edge, topic, state.last), state.last)).toBe(true);
  });

  test('is kept with the subscriber that does not get it, and bytes as they were sent', async () => {
    const { edge, control } = both(kind);
    const topic = newChannel();
    const bytes = Buffer.from([0xff, 0x00, 0x22, 0x20]);
    await control.publishToChannel(topic, { frame: bytes, except: '188900977638400.7' });
    await edge.publishToChannel(topic, { frame: frame('b') });
    const { entries } = await logOf(edge, topic);
    expect(entries.map(({ data, except }) => ({ data, except }))).toEqual([
      { data: bytes, except: '188900977638400.7' },
      { data: frame('b'), except: undefined },
    ]);
  });

  test('goes on from the last one when the log has expired, and from none of a channel that has', async () => {
    const { edge, control, keys, commands } = both(kind);
    const topic = newChannel();
    const first = await control.publishToChannel(topic, { frame: frame('1') });
    await commands.del(keys.topicLog(topic));
    const second = await control.publishToChannel(topic, { frame: frame('2') });
    const kept = await logOf(edge, topic, first);
    expect(continues(kept, first)).toBe(true);
    expect(kept.entries).toMatchObject([{ id: second, prev: first }]);

    // The log is there still: it belongs to what is gone.
    await commands.del(keys.topic(topic));
    const third = await edge.publishToChannel(topic, { frame: frame('3') });
    const anew = await logOf(edge, topic, second);
    expect(anew.incarnation).not.toBe(kept.incarnation);
    expect(continues(anew, second)).toBe(false);
    expect(anew.entries.map(({ id }) => id)).toEqual([third]);
    expect(isUnbroken(await logOf(edge, topic))).toBe(true);
  });

  test('is one of the last hundred that are kept', async () => {
    const { edge } = both(kind);
    const topic = newChannel();
    const numbers = Array.from({ length: CHANNEL_HISTORY.size + 30 }, (_, index) => index);
    const ids = await Promise.all(numbers.map((n) => edge.publishToChannel(topic, { frame: frame(`${n}`) })));
    const { entries } = await logOf(edge, topic);
    expect(entries.map(({ id }) => id)).toEqual(ids.toSorted(comparePositions).slice(-CHANNEL_HISTORY.size));
  });

  test('comes after the last one though the clock of Redis is behind', async () => {
    const { edge, keys, commands } = both(kind);
    const topic = newChannel();
    await edge.openChannel(topic, null);
    const ahead = `${Date.now() + HOUR_MS}-5`;
    await commands.hset(keys.topic(topic), 'last', ahead);
    const ids = [ahead];
    for (let index = 0; index < 5; index += 1) ids.push(await edge.publishToChannel(topic, { frame: frame('x') }));
    expect(ids.toSorted(comparePositions)).toEqual(ids);
    const steps = ids.slice(1).map((id, index) => sequenceOf(id) - sequenceOf(ids[index] ?? ''));
    expect(new Set(steps).size).toBeGreaterThan(1);
  });
});

function sequenceOf(id: string): number {
  return Number(id.slice(id.indexOf('-') + 1));
}
