import type { RedisCluster } from '@holdfast/local/redis-cluster';
import { startPrivateCluster } from '@holdfast/testkit/cluster-process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ControlBroker, EdgeBroker, KnownTopic } from '../broker.ts';
import { edgeBroker } from '../redis-broker.ts';
import { openBroker, watched } from '../testing/brokers.ts';
import { KnownCluster, brokersOf } from '../testing/known-cluster.ts';
import { NO_SETTINGS, settingsText } from './state.ts';

const START_MS = 60_000;
/** More than are compared by one call. */
const MANY = 250;

const one = await openBroker();
let cluster: RedisCluster;
let onCluster: ReturnType<typeof brokersOf>;
beforeAll(async () => {
  cluster = await startPrivateCluster({ replicas: 0 });
  onCluster = brokersOf(await KnownCluster.open(cluster.nodes[0]?.url ?? ''));
}, START_MS);
afterAll(() => cluster.stop());

let count = 0;
/** Creates topics. Gives what an edge knows of them that has just read them. */
async function createdTopics(control: ControlBroker, length: number): Promise<KnownTopic[]> {
  const names = Array.from({ length }, () => `topic.${(count += 1)}`);
  return Promise.all(
    names.map(async (topic) => {
      const { state } = await control.putTopic(topic, { size: 5, seconds: 60 });
      return { topic, incarnation: state.incarnation, last: state.last, settings: settingsText(state) };
    }),
  );
}

const publish = (control: ControlBroker, { topic }: KnownTopic) => control.publish(topic, Buffer.from('1'));

describe.each(['one Redis', 'a Cluster'])('comparing topics on %s', (kind) => {
  const brokers = (): { control: ControlBroker; edge: EdgeBroker } => (kind === 'a Cluster' ? onCluster : one);

  test('gives none while nothing has changed, whatever their histories became', async () => {
    const { control, edge } = brokers();
    const known = await createdTopics(control, 3);
    expect(await edge.compareTopics(known)).toEqual(new Map());
    expect(await edge.compareTopics([])).toEqual(new Map());
    for (const { topic } of known) await control.putTopic(topic, { size: 7 });
    expect(await edge.compareTopics(known)).toEqual(new Map());
  });

  test('gives those with a message since, with their state', async () => {
    const { control, edge } = brokers();
    const known = await createdTopics(control, 3);
    const [, second] = known;
    if (second === undefined) throw new Error('there are three');
    const outcome = await publish(control, second);
    const [state] = await control.readTopics([second.topic]);
    expect(state).toMatchObject({
      history: { size: 5, seconds: 60 },
      incarnation: second.incarnation,
      last: outcome.kind === 'published' && outcome.id,
    });
    expect(await edge.compareTopics(known)).toEqual(new Map([[second, state]]));
  });

  test('gives those whose expiry or presence has changed', async () => {
    const { control, edge } = brokers();
    const known = await createdTopics(control, 3);
    const presence = { by: 'user', show: 'members', limit: 9, graceSeconds: 5 } as const;
    const [first, second] = known.map(({ topic }) => topic);
    await control.putTopic(first ?? '', { expireSeconds: 60 });
    await control.putTopic(second ?? '', { presence });
    const found = [...(await edge.compareTopics(known)).values()];
    expect(found).toMatchObject([
      { expireSeconds: 60, presence: null },
      { expireSeconds: null, presence },
    ]);
    const after = known.map((topic, index) => ({ ...topic, settings: settingsText(found[index] ?? NO_SETTINGS) }));
    expect(await edge.compareTopics(after)).toEqual(new Map());
    await control.putTopic(second ?? '', { presence: { ...presence, limit: 10 } });
    expect([...(await edge.compareTopics(after)).keys()]).toEqual([after[1]]);
  });

  test('gives null for one that was deleted, and the new state of one that was created again', async () => {
    const { control, edge } = brokers();
    const known = await createdTopics(control, 4);
    const [, gone, again] = known;
    if (gone === undefined || again === undefined) throw new Error('there are four');
    await control.deleteTopic(gone.topic);
    await control.deleteTopic(again.topic);
    const { state } = await control.putTopic(again.topic, {});
    expect(await edge.compareTopics(known)).toEqual(
      new Map([
        [gone, null],
        [again, state],
      ]),
    );
    // Though its last message has the position that is known.
    const asIfTheSame = { ...again, last: state.last };
    expect(await edge.compareTopics([asIfTheSame])).toEqual(new Map([[asIfTheSame, state]]));
  });

  test('gives of more than one call takes exactly those that differ, each with its own state', async () => {
    const { control, edge } = brokers();
    const known = await createdTopics(control, MANY);
    const differing = known.filter((_, index) => index % 7 === 0 || index === MANY - 1);
    const gone = known.filter((_, index) => index % 50 === 1);
    await Promise.all(differing.map((topic) => publish(control, topic)));
    await Promise.all(gone.map(({ topic }) => control.deleteTopic(topic)));
    const found = await edge.compareTopics(known);
    const states = await control.readTopics([...found.keys()].map(({ topic }) => topic));
    expect([...found.values()]).toEqual(states);
    expect(new Set(found.keys())).toEqual(new Set([...differing, ...gone]));
    for (const topic of known) expect(found.get(topic) === null).toBe(gone.includes(topic));
  });
});

test('topics are compared 100 in one command, and one by one on a Cluster', async () => {
  const { redis, prefix, control } = one;
  const known = await createdTopics(control, MANY);
  for (const [isCluster, commands] of [
    [false, 3],
    [true, MANY],
  ] as const) {
    let sent = 0;
    const seen = watched(redis, () => void (sent += 1));
    const connection = new Proxy(seen, {
      get: (target, name) => (name === 'isCluster' ? isCluster : (Reflect.get(target, name) as unknown)),
    });
    expect(await edgeBroker(connection, prefix).compareTopics(known)).toEqual(new Map());
    expect(sent).toBe(commands);
  }
});
