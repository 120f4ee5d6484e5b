import { randomUUID } from 'node:crypto';
import { DEFAULT_PRESENCE } from '@holdfast/protocol/limits';
import { eventually } from '@holdfast/testkit/eventually';
import { expect, test } from 'vitest';
import { settingsText } from '../topics/state.ts';
import { detailsOf, openBroker } from '../testing/brokers.ts';
import { CHANNEL_PRESENCE, frame, keysOf, newChannel } from '../testing/channels.ts';
import { PresentEdge } from '../testing/presence-topic.ts';
import { CHANNEL_TTL_MS } from './publishing.ts';

const its = await openBroker();
const { redis, keys, control, edge, prefix } = its;

const SHORT_MS = 300;
const LONG_SECONDS = 1000;

/** A presence channel that keeps its last event, with members of two edges. */
async function usedChannel() {
  const topic = newChannel('presence-cache-a');
  const { state } = await edge.openChannel(topic, CHANNEL_PRESENCE);
  const [a, b] = [randomUUID(), randomUUID()].map((id) => new PresentEdge(edge, topic, id));
  if (a === undefined || b === undefined) throw new Error('there are two');
  for (const { id } of [a, b]) {
    await edge.renewLease(detailsOf(id));
    await edge.changeOccupancy(id, [topic], []);
    await edge.countSubscribers(topic, id, 3, true);
  }
  await a.join('ann');
  await b.join('bob');
  // A change that waits to be published.
  await redis.hset(keys.topicHere(topic), 'f', Date.now() + 60_000);
  await a.join('late');
  const last = await control.publishToChannel(topic, { frame: frame('1'), cached: true });
  const known = { topic, incarnation: state.incarnation, last, settings: settingsText(state) };
  return { topic, a, b, known };
}

/** How long each key of a channel is kept, in seconds, rounded up to tens; null for ever. */
async function keptSeconds(topic: string): Promise<Record<string, number | null>> {
  const names = await keysOf(its, topic);
  const ttls = await Promise.all(names.map((name) => redis.pttl(`${keys.topic(topic)}${name}`)));
  const rounded = ttls.map((ms) => (ms < 0 ? null : 10 * Math.ceil(ms / 10_000)));
  return Object.fromEntries(names.map((name, index) => [name, rounded[index] ?? null]));
}

/** What is kept as long as an edge has the channel. */
const ALL = (a: string, b: string) => [':here', `:here:${a}`, `:here:${b}`, ':here:next', ''].toSorted();

test('everything of a channel has an end, but for the note of which edges have it', async () => {
  const { topic, a, b } = await usedChannel();
  const kept = await keptSeconds(topic);
  expect(Object.keys(kept)).toEqual([...ALL(a.id, b.id), ':cached', ':edges', ':log'].toSorted());
  const { ':edges': edges, ':cached': cached, ':log': log, ...others } = kept;
  expect([edges, cached, log]).toEqual([null, 1800, 60]);
  for (const seconds of Object.values(others)) expect(seconds).toBe(CHANNEL_TTL_MS / 1000);
});

test('an edge that compares a channel, or its presence, keeps it with the members of all edges', async () => {
  const { topic, a, b, known } = await usedChannel();
  const all = ALL(a.id, b.id);
  /** None was renewed. */
  const anew = async () => {
    for (const name of all) await redis.expire(`${keys.topic(topic)}${name}`, LONG_SECONDS);
  };
  const renewed = async () => {
    const found = await keptSeconds(topic);
    return all.filter((name) => found[name] === CHANNEL_TTL_MS / 1000);
  };
  await anew();
  expect(await edge.compareTopics([known])).toEqual(new Map());
  expect(await renewed()).toEqual(['']);
  await anew();
  await edge.checkPresence(a.id, [{ topic, sequence: a.sequence }]);
  expect(await renewed()).toEqual(all);
  await anew();
  // Who only looks keeps nothing.
  await control.readPresence(topic, null, 10);
  await control.countPresent([topic]);
  await control.readChannels([topic]);
  expect(await renewed()).toEqual([]);
  await b.join('new');
  expect(await renewed()).toEqual(all.filter((name) => name !== `:here:${a.id}`));
  await anew();
  await edge.openChannel(topic, CHANNEL_PRESENCE);
  expect(await renewed()).toEqual(['']);
  await anew();
  await edge.publishToChannel(topic, { frame: frame('2') });
  expect(await renewed()).toEqual(['']);
});

test('nothing is left of a channel when its edges have died, and nothing of them', async () => {
  const { topic, a, b } = await usedChannel();
  await redis.hset(keys.topic(topic), 'ttl', SHORT_MS);
  // No edge asks from here on; this is how long it is kept.
  for (const { id, sequence } of [a, b]) await edge.checkPresence(id, [{ topic, sequence }]);
  for (const name of [':log', ':cached']) await redis.pexpire(`${keys.topic(topic)}${name}`, SHORT_MS);
  await eventually(async () => expect(await keysOf(its, topic)).toEqual([':edges']));
  for (const { id } of [a, b]) await edge.dropLease(id);
  await control.vacateTopics();
  await control.reapPresence();
  expect(await redis.keys(`${prefix}*${topic}*`)).toEqual([]);
  for (const { id } of [a, b]) expect(await redis.keys(`${prefix}*${id}*`)).toEqual([]);
  for (const set of [keys.edgesWithTopics(), keys.edgesHere()]) {
    expect(await redis.smismember(set, a.id, b.id)).toEqual([0, 0]);
  }
});

test('nothing is left of a channel that its edges have left, once its time is over', async () => {
  const { topic, a, b } = await usedChannel();
  await a.leave('ann', 'late');
  await b.leave('bob');
  for (const { id } of [a, b]) {
    await edge.countSubscribers(topic, id, 0, true);
    await edge.changeOccupancy(id, [], [topic]);
    await edge.forgetPresence(id, [topic]);
  }
  await edge.openChannel(topic, CHANNEL_PRESENCE);
  // What has an end has it soon: only now, as it must not be over while they leave.
  for (const key of await redis.keys(`${prefix}*${topic}*`)) {
    if ((await redis.pttl(key)) > 0) await redis.pexpire(key, SHORT_MS);
  }
  await eventually(async () => expect(await redis.keys(`${prefix}*${topic}*`)).toEqual([]));
  for (const { id } of [a, b]) expect(await redis.exists(keys.edgeTopics(id), keys.edgeHere(id))).toBe(0);
});

test('an edge that finds its channel gone opens it again, and has its members there', async () => {
  const { topic, a, known } = await usedChannel();
  const gone = (await keysOf(its, topic)).map((name) => `${keys.topic(topic)}${name}`);
  await redis.del(...gone);
  expect([...(await edge.compareTopics([known])).values()]).toEqual([null]);
  expect(await edge.checkPresence(a.id, [{ topic, sequence: a.sequence }])).toEqual([null]);
  await edge.openChannel(topic, CHANNEL_PRESENCE);
  await a.set();
  expect(await edge.checkOccupancy(a.id, [topic])).toEqual([topic]);
  await edge.changeOccupancy(a.id, [topic], []);
  expect(await control.readChannels([topic])).toMatchObject([{ occupied: true, users: 2 }]);
});

test('a topic that is no channel, and what belongs to it, has no end', async () => {
  const topic = randomUUID();
  const { state } = await control.putTopic(topic, { presence: DEFAULT_PRESENCE });
  const a = new PresentEdge(edge, topic, randomUUID());
  await a.join('ann');
  await control.publish(topic, Buffer.from('1'));
  await edge.compareTopics([{ topic, incarnation: state.incarnation, last: state.last, settings: '' }]);
  await edge.checkPresence(a.id, [{ topic, sequence: a.sequence }]);
  await a.join('bob');
  const { ':log': log, ...kept } = await keptSeconds(topic);
  expect(log).toBeGreaterThan(0);
  expect(Object.keys(kept).length).toBeGreaterThan(2);
  for (const seconds of Object.values(kept)) expect(seconds).toBeNull();
  expect(await redis.hexists(keys.topic(topic), 'ttl')).toBe(0);
});
