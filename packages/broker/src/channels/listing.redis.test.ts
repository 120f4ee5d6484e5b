import { randomUUID } from 'node:crypto';
import { channelTopic, onlineChannel, userChannel } from '@holdfast/protocol/pusher-channels';
import { describe, expect, test } from 'vitest';
import { detailsOf } from '../testing/brokers.ts';
import { CHANNEL_PRESENCE, ONE_AND_CLUSTER, frame, openBoth } from '../testing/channels.ts';

const both = await openBoth();
/** More channels than a test has. */
const MANY = 5000;

describe.each(ONE_AND_CLUSTER)('the channels of an app, on %s', (kind) => {
  /** Edges with subscribers on channels of an app of its own. */
  async function someApp(occupied: Record<string, readonly string[]>) {
    const its = both(kind);
    const appId = randomUUID();
    const topicOf = (channel: string) => channelTopic(appId, channel);
    const edges: string[] = [];
    for (const channels of Object.values(occupied)) {
      const id = randomUUID();
      edges.push(id);
      await its.edge.renewLease(detailsOf(id));
      await its.edge.changeOccupancy(id, channels.map(topicOf), []);
    }
    return { ...its, appId, topicOf, edges };
  }

  test('are those on which an edge has subscribers, each once, in order', async () => {
    const { control, edge, appId, topicOf, edges } = await someApp({ a: ['room-b', 'room-a'], b: ['room-b', 'hall'] });
    expect(await control.listChannels(appId, '', MANY)).toEqual(['hall', 'room-a', 'room-b']);
    expect(await control.listChannels(appId, 'room-', MANY)).toEqual(['room-a', 'room-b']);
    expect(await control.listChannels(appId, 'room-[ab]*', MANY)).toEqual([]);
    expect(await control.listChannels(randomUUID(), '', MANY)).toEqual([]);
    for (const id of edges) await edge.changeOccupancy(id, [], [topicOf('room-b')]);
    expect(await control.listChannels(appId, '', MANY)).toEqual(['hall', 'room-a']);
  });

  test('are not those of edges that are dead, whether they were taken out already or not', async () => {
    const { control, edge, appId, edges } = await someApp({ dead: ['a', 'both'], living: ['both', 'c'] });
    await edge.dropLease(edges[0] ?? '');
    expect(await control.listChannels(appId, '', MANY)).toEqual(['both', 'c']);
    await control.vacateTopics();
    expect(await control.listChannels(appId, '', MANY)).toEqual(['both', 'c']);
  });

  test('are not those that are only noted, nor have no subscriber any more', async () => {
    const { control, edge, commands, keys, appId, topicOf, edges } = await someApp({ a: ['gone', 'empty', 'c'] });
    const [id = ''] = edges;
    await commands.del(keys.topicEdges(topicOf('gone')));
    await edge.countSubscribers(topicOf('empty'), id, 0, false);
    expect(await control.listChannels(appId, '', MANY)).toEqual(['c']);
    expect((await control.readChannels(['gone', 'empty', 'c'].map(topicOf))).map(({ occupied }) => occupied)).toEqual([
      false,
      false,
      true,
    ]);
  });

  test('are without those of users, of other apps and without topics', async () => {
    const { control, edge, appId, edges } = await someApp({ a: [userChannel('ann'), onlineChannel('a*[?'), 'room'] });
    const other = [randomUUID(), channelTopic(`${appId}x`, 'room'), channelTopic('x', appId)];
    await edge.changeOccupancy(edges[0] ?? '', other, []);
    expect(await control.listChannels(appId, '', MANY)).toEqual(['room']);
    expect(await control.listChannels(appId, '#', MANY)).toEqual([]);
  });

  test('are found among many', async () => {
    const channels = Array.from({ length: 2500 }, (_, index) => `c${String(index).padStart(4, '0')}`);
    const { control, appId } = await someApp({ a: channels.slice(0, 1500), b: channels.slice(1000) });
    expect(await control.listChannels(appId, '', MANY)).toEqual(channels);
  });

  test('are none of them when there are more than asked for', async () => {
    const channels = Array.from({ length: 1500 }, (_, index) => `c${String(index).padStart(4, '0')}`);
    const { control, appId } = await someApp({ a: channels.slice(0, 800), b: channels.slice(700), c: ['hall'] });
    expect(await control.listChannels(appId, '', 1501)).toHaveLength(1501);
    expect(await control.listChannels(appId, '', 1500)).toBeNull();
    expect(await control.listChannels(appId, 'c', 1500)).toEqual(channels);
    expect(await control.listChannels(appId, 'c0', 10)).toBeNull();
  });

  test('are read with whether they are occupied, their users, and their last event', async () => {
    const { control, edge, topicOf, edges } = await someApp({ living: ['room', 'presence-a'], dead: ['presence-b'] });
    const [living = '', dead = ''] = edges;
    for (const [id, channel] of [
      [living, 'presence-a'],
      [dead, 'presence-b'],
    ] as const) {
      await edge.openChannel(topicOf(channel), CHANNEL_PRESENCE);
      const joined = ['ann', 'bob'].map((user) => ({ id: user, info: null }));
      await edge.notePresence(id, [topicOf(channel)]);
      await edge.changePresence(topicOf(channel), id, { sequence: 2, confirmed: 0, first: 2, joined, left: [] });
    }
    await edge.dropLease(dead);
    const cache = await control.publishToChannel(topicOf('cache-a'), { frame: frame('1'), cached: true });
    await control.publishToChannel(topicOf('room'), { frame: frame('1') });
    const channels = ['presence-a', 'presence-b', 'room', 'cache-a', 'cache-b', 'nowhere'];
    const found = await control.readChannels(channels.map(topicOf));
    expect(found.map(({ occupied, users, cached }) => [occupied, users, cached?.id ?? null])).toEqual([
      [true, 2, null],
      [false, 2, null],
      [true, 0, null],
      [false, 0, cache],
      [false, 0, null],
      [false, 0, null],
    ]);
    expect(found[3]?.cached?.frame).toEqual(frame('1'));
    expect(found[3]?.cached?.ttlMs).toBeGreaterThan(0);
    expect(await control.readChannels([])).toEqual([]);
  });

  test('of a user reach the edges that are subscribed, and those that are not are counted', async () => {
    const online = onlineChannel('ann');
    const { control, edge, commands, keys, appId, topicOf, edges } = await someApp({ a: [online], b: [online] });
    const [one = '', other = ''] = edges;
    expect(await control.terminateConnections(appId, 'ann')).toEqual({ missed: 2 });
    expect(await control.terminateConnections(appId, 'bob')).toEqual({ missed: 0 });
    await edge.changeOccupancy(one, [], [topicOf(online)]);
    expect(await control.terminateConnections(appId, 'ann')).toEqual({ missed: 1 });
    await edge.dropLease(other);
    expect(Object.keys(await commands.hgetall(keys.topicEdges(topicOf(online))))).toContain(`e${other}`);
    expect(await control.terminateConnections(appId, 'ann')).toEqual({ missed: 0 });
  });

  test('have no member of an edge that is dead, once it was taken out', async () => {
    const { control, edge, topicOf, edges } = await someApp({ dead: ['presence-a'], living: ['presence-a'] });
    const topic = topicOf('presence-a');
    await edge.openChannel(topic, CHANNEL_PRESENCE);
    for (const [index, id] of edges.entries()) {
      const joined = ['both', `u${index}`].map((user) => ({ id: user, info: '{"name":"N"}' }));
      await edge.notePresence(id, [topic]);
      await edge.changePresence(topic, id, { sequence: 2, confirmed: 0, first: 2, joined, left: [] });
    }
    expect(await control.readChannels([topic])).toMatchObject([{ occupied: true, users: 3 }]);
    await edge.dropLease(edges[0] ?? '');
    await control.reapPresence();
    expect(await control.readChannels([topic])).toMatchObject([{ occupied: true, users: 2 }]);
    const page = await control.readPresence(topic, null, 10);
    expect(page?.members.map(({ id }) => id).toSorted()).toEqual(['both', 'u1']);
    await edge.dropLease(edges[1] ?? '');
    await control.reapPresence();
    expect(await control.readChannels([topic])).toMatchObject([{ occupied: false, users: 0 }]);
  });
});
