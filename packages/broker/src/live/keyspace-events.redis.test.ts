import { randomUUID } from 'node:crypto';
import { eventually } from '@holdfast/testkit/eventually';
import { type PrivateRedis, startPrivateRedis } from '@holdfast/testkit/redis-process';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { enableKeyspaceEvents } from './keyspace-events.ts';
import { liveSubscriber } from './subscriber.ts';
import { type TestBroker, openBroker, openRedis } from '../testing/brokers.ts';

/** Its configuration and its users are changed here. */
let server: PrivateRedis;
let its: TestBroker;
beforeAll(async () => {
  server = await startPrivateRedis();
  its = await openBroker(server.url);
});
afterAll(() => server.stop());

async function flags(): Promise<Set<string>> {
  const answer: unknown = await its.redis.config('GET', 'notify-keyspace-events');
  return new Set(Object.values(answer as Record<string, string>).at(-1));
}

/** A connection as a user who may do less. */
async function openAs(...rules: string[]): Promise<Redis> {
  const name = randomUUID();
  await its.redis.call('ACL', 'SETUSER', name, 'on', '>secret', '~*', '&*', '+@all', ...rules);
  return openRedis('subscriber', server.url.replace('redis://', `redis://${name}:secret@`));
}

describe('enabling wake-ups', () => {
  test.each([
    ['', 'Ks'],
    ['Ex', 'ExKs'],
    ['Kg', 'Kgs'],
    ['Es', 'EsK'],
    ['Elshz', 'ElshzK'],
  ])('with "%s" on already leaves "%s" on', async (before, after) => {
    await its.redis.config('SET', 'notify-keyspace-events', before);
    expect(await enableKeyspaceEvents(its.redis)).toBeNull();
    expect(await flags()).toEqual(new Set(after));
  });

  test.each(['KA', 'AKE', 'Ks', 'KEs'])('changes nothing where "%s" is on', async (before) => {
    await its.redis.config('SET', 'notify-keyspace-events', before);
    const as = await flags();
    await its.redis.config('RESETSTAT');
    expect(await enableKeyspaceEvents(its.redis)).toBeNull();
    expect(await flags()).toEqual(as);
    expect(await its.redis.info('commandstats')).not.toContain('cmdstat_config|set');
  });

  test('returns why it could not where CONFIG is refused', async () => {
    expect(await enableKeyspaceEvents(await openAs('-config'))).toContain('NOPERM');
    await its.redis.config('SET', 'notify-keyspace-events', '');
    expect(await enableKeyspaceEvents(await openAs('-config|set'))).toContain('NOPERM');
  });

  test('makes Redis wake an edge that is notified', async () => {
    await its.redis.config('SET', 'notify-keyspace-events', '');
    await enableKeyspaceEvents(its.redis);
    const { id, wakeUps } = await listen(await openRedis('subscriber', server.url));
    await eventually(() => expect(wakeUps()).toBe(1));
    await its.edge.notify([id], 'a');
    await eventually(() => expect(wakeUps()).toBe(2));
  });
});

test('an edge that may not receive keyspace events receives its topics all the same', async () => {
  const refused = await openAs('resetchannels', `&${its.prefix}*`);
  const { channels, subscribed } = await listen(refused);
  channels.subscribe('news');
  await eventually(() => expect(subscribed()).toEqual(['news']));
  expect(refused.status).toBe('ready');
});

async function listen(subscriber: Redis) {
  const id = randomUUID();
  let wakeUps = 0;
  const subscribed: string[] = [];
  const channels = liveSubscriber({ kind: 'one', openSubscriber: () => subscriber }, its.keys, id, {
    onTopic: () => undefined,
    onOwn: () => undefined,
    onWakeUp: () => {
      wakeUps += 1;
    },
    onSubscribed: (topics) => subscribed.push(...topics),
    onDisconnected: () => undefined,
  });
  onTestFinished(channels.start());
  return { id, channels, wakeUps: () => wakeUps, subscribed: () => subscribed };
}
