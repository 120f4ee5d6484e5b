import { describe, expect, it } from 'vitest';
import { memoryEdge } from '../testing/memory-edge.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { deliveredName } from './delivered-name.ts';

const OF_ANN = '@user:ann';

function start() {
  const redis = new MemoryRedis();
  redis.topic(OF_ANN);
  redis.register('a', [OF_ANN], { user: 'ann' });
  return { redis, edge: memoryEdge(redis) };
}

describe("a user's topic is called @user", () => {
  it('and no other topic is', () => {
    expect(deliveredName('@user:b%3Ab')).toBe('@user');
    for (const name of ['@me', 'user', 'user.ann', '@user']) expect(deliveredName(name)).toBe(name);
  });

  it('in the welcome, and in messages', async () => {
    const { redis, edge } = start();
    const { socket } = await edge.connected('a');
    const id = redis.publish(OF_ANN, '1');
    await edge.settled();
    expect(Object.keys(socket.of('welcome')[0]?.topics ?? {})).toEqual(['@user', '@me']);
    expect(socket.of('message')).toEqual([{ type: 'message', topic: '@user', id, data: 1 }]);
  });

  it('in the positions of a resume, in both directions', async () => {
    const { redis, edge } = start();
    const [seen, missed] = [redis.publish(OF_ANN, '1'), redis.publish(OF_ANN, '2')];
    const { socket, connection } = await edge.connected('a', { resume: true });
    await edge.resume(connection, { '@user': seen });
    expect(socket.of('welcome')).toMatchObject([{ topics: { '@user': { position: seen } } }]);
    expect(socket.idsOf('@user')).toEqual([missed]);
  });

  it('in what is announced as lost', async () => {
    const { redis, edge } = start();
    const seen = redis.publish(OF_ANN, '1');
    redis.publish(OF_ANN, '2');
    redis.topic(OF_ANN).trim(0);
    const { socket, connection } = await edge.connected('a', { resume: true });
    await edge.resume(connection, { '@user': seen });
    expect(socket.of('lost')).toMatchObject([{ topic: '@user', after: seen }]);
  });

  it('when it is subscribed and unsubscribed, shortly or not', async () => {
    const { redis, edge } = start();
    const { socket } = await edge.connected('a');
    redis.publish(OF_ANN, '1');
    redis.unsubscribe('a', OF_ANN);
    await edge.settled();
    redis.subscribe('a', OF_ANN);
    await edge.settled();
    redis.unsubscribe('a', OF_ANN);
    await edge.settled();
    redis.subscribe('a', OF_ANN);
    redis.publish(OF_ANN, '2');
    redis.unsubscribe('a', OF_ANN);
    await edge.settled();
    redis.subscribe('a', OF_ANN);
    await edge.settled();
    redis.deleteTopic(OF_ANN);
    await edge.settled();
    const changes = socket.frames.filter(({ type }) => type === 'subscribed' || type === 'unsubscribed');
    expect(changes.length).toBeGreaterThanOrEqual(7);
    for (const frame of socket.frames) expect(JSON.stringify(frame)).not.toContain(OF_ANN);
  });

  it('in the answer to what is served', async () => {
    const { redis, edge } = start();
    await edge.connected('a');
    redis.sendTo('edge-a', { kind: 'served', surveyId: 's', clientId: 'a' });
    await edge.settled();
    await expect
      .poll(() => redis.answers)
      .toMatchObject([{ payload: { topics: { '@user': expect.any(String) as string } } }]);
  });
});
