import { comparePositions } from '@holdfast/protocol/position-order';
import { CACHE_SECONDS, CHANNEL_HISTORY } from '@holdfast/protocol/pusher-limits';
import { describe, expect, test } from 'vitest';
import { CHANNEL_PRESENCE, ONE_AND_CLUSTER, frame, newChannel, openBoth } from '../testing/channels.ts';
import { CHANNEL_TTL_MS } from './publishing.ts';

const HOUR_MS = 3_600_000;
const both = await openBoth();

describe.each(ONE_AND_CLUSTER)('a channel that is opened, on %s', (kind) => {
  test('is made when it is not there, and is the same for whoever opens it next', async () => {
    const { edge } = both(kind);
    const topic = newChannel();
    const { state, cached } = await edge.openChannel(topic, null);
    expect(state).toMatchObject({ history: CHANNEL_HISTORY, presence: null, dormant: false });
    expect(state.last).toBe(state.start);
    expect(cached).toBeNull();
    expect(await edge.openChannel(topic, null)).toEqual({ state, cached });
    expect(await edge.readTopics([topic])).toEqual([state]);
  });

  test('is another one than a channel of its name before', async () => {
    const { edge, commands, keys } = both(kind);
    const topic = newChannel();
    const first = await edge.openChannel(topic, null);
    await edge.publishToChannel(topic, { frame: frame('1') });
    await commands.del(keys.topic(topic));
    const { state } = await edge.openChannel(topic, null);
    expect(state.incarnation).not.toBe(first.state.incarnation);
    expect((await edge.readLog(topic, null, 10))?.entries).toEqual([]);
  });

  test('has the presence that it was made with, also when a publish has made it', async () => {
    const { edge, control } = both(kind);
    const [opened, published] = [newChannel('presence-a'), newChannel('presence-b')];
    await control.publishToChannel(published, { frame: frame('1') });
    for (const topic of [opened, published]) {
      expect((await edge.openChannel(topic, CHANNEL_PRESENCE)).state.presence).toEqual(CHANNEL_PRESENCE);
      const other = { ...CHANNEL_PRESENCE, limit: 7 } as typeof CHANNEL_PRESENCE;
      expect((await edge.openChannel(topic, other)).state.presence).toEqual(CHANNEL_PRESENCE);
    }
  });

  test('has none of the members that outlived it', async () => {
    const { edge, keys, commands } = both(kind);
    const topic = newChannel('presence-a');
    await edge.openChannel(topic, CHANNEL_PRESENCE);
    const change = { sequence: 2, confirmed: 0, first: 2, joined: [{ id: 'ann', info: null }], left: [] };
    await edge.changePresence(topic, 'e1', change);
    await commands.del(keys.topic(topic));
    await edge.openChannel(topic, CHANNEL_PRESENCE);
    expect(await edge.snapshotPresence(topic)).toMatchObject({ count: 0, members: [] });
    // The edge that has them finds that they are missing, and writes them again.
    expect(await edge.checkPresence('e1', [{ topic, sequence: 2 }])).toMatchObject([{ sequence: 0 }]);
    await edge.setPresence(topic, 'e1', { sequence: 3, members: [{ id: 'ann', info: null }] });
    expect(await edge.snapshotPresence(topic)).toMatchObject({ count: 1, members: [{ id: 'ann' }] });
    // Who asks keeps the members of every edge.
    await commands.pexpire(keys.topicHereOf(topic, 'e1'), HOUR_MS);
    expect(await edge.checkPresence('e2', [{ topic, sequence: 0 }])).toMatchObject([{ count: 1 }]);
    expect(await commands.pttl(keys.topicHereOf(topic, 'e1'))).toBeLessThanOrEqual(CHANNEL_TTL_MS);
  });
});

describe.each(ONE_AND_CLUSTER)('the last event of a cache channel, on %s', (kind) => {
  test('is given to whoever opens it, for half an hour', async () => {
    const { edge, control } = both(kind);
    const topic = newChannel('private-cache-a');
    expect((await edge.openChannel(topic, null)).cached).toBeNull();
    await control.publishToChannel(topic, { frame: frame('1'), cached: true });
    const bytes = Buffer.from([0xff, 0x20, 0x00]);
    const id = await control.publishToChannel(topic, { frame: bytes, cached: true });
    const { state, cached } = await edge.openChannel(topic, null);
    expect(cached).toMatchObject({ id, frame: bytes });
    expect(state.last).toBe(id);
    expect(cached?.ttlMs).toBeGreaterThan((CACHE_SECONDS - 60) * 1000);
    expect(cached?.ttlMs).toBeLessThanOrEqual(CACHE_SECONDS * 1000);
  });

  test('is not one that is not to be kept, nor that of a channel that keeps none', async () => {
    const { edge, control, commands, keys } = both(kind);
    const [topic, plain] = [newChannel('cache-a'), newChannel('a')];
    const id = await control.publishToChannel(topic, { frame: frame('kept'), cached: true });
    await edge.publishToChannel(topic, { frame: frame('by a client') });
    expect((await edge.openChannel(topic, null)).cached).toMatchObject({ id, frame: frame('kept') });
    await control.publishToChannel(plain, { frame: frame('1') });
    expect((await edge.openChannel(plain, null)).cached).toBeNull();
    expect(await commands.exists(keys.topicCached(plain))).toBe(0);
  });

  test('outlives the channel, and what follows comes after it though the clock was set back', async () => {
    const { edge, control, commands, keys } = both(kind);
    for (const follow of ['open', 'publish']) {
      const topic = newChannel('cache-a');
      await control.publishToChannel(topic, { frame: frame('1'), cached: true });
      const ahead = `${Date.now() + HOUR_MS}-3`;
      await commands.set(keys.topicCached(topic), `${ahead} ${String(frame('ahead'))}`, 'PX', HOUR_MS);
      await commands.del(keys.topic(topic));
      if (follow === 'publish') await control.publishToChannel(topic, { frame: frame('2'), cached: true });
      const { state, cached } = await edge.openChannel(topic, null);
      expect(comparePositions(state.start, ahead)).toBeGreaterThan(0);
      expect(cached?.frame).toEqual(follow === 'open' ? frame('ahead') : frame('2'));
    }
  });
});
