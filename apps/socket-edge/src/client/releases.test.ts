import { describe, expect, it } from 'vitest';
import { Releases } from './releases.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { turns } from '../testing/turns.ts';

const EDGE = 'edge-a';

function clientsOf(count: number) {
  const redis = new MemoryRedis();
  const broker = redis.broker();
  const releases = new Releases(broker, EDGE);
  const ids = Array.from({ length: count }, (_, index) => `c${index}`);
  const generations = new Map<string, number>();
  for (const id of ids) {
    redis.register(id);
    generations.set(id, redis.own(id, EDGE));
  }
  const owned = () => ids.filter((id) => redis.client(id).owner !== null);
  const add = (id: string, onReleased?: () => void) =>
    releases.add({
      clientId: id,
      generation: generations.get(id) ?? 0,
      reason: 'closed',
      ...(onReleased && { onReleased }),
    });
  return { redis, releases, ids, owned, add };
}

describe('releases', () => {
  it('end every ownership, also when very many connections end at once, and report each', async () => {
    const { releases, ids, owned, add } = clientsOf(1700);
    const released: string[] = [];
    for (const id of ids) add(id, () => released.push(id));
    await releases.flush();
    expect(owned()).toEqual([]);
    expect(releases.size).toBe(0);
    expect(released.toSorted()).toEqual(ids.toSorted());
  });

  it('that wait have their reason, and none when they are done', async () => {
    const { redis, releases, add } = clientsOf(1);
    redis.away = true;
    add('c0');
    await releases.flush();
    expect(releases.reasonOf('c0')).toBe('closed');
    redis.away = false;
    await releases.flush();
    expect(releases.reasonOf('c0')).toBeUndefined();
  });

  it('are tried again until Redis takes them, and reported only then', async () => {
    const { redis, releases, owned, add } = clientsOf(3);
    const released: string[] = [];
    redis.away = true;
    add('c0', () => released.push('c0'));
    add('c1');
    await releases.flush();
    await turns(3);
    expect(releases.size).toBe(2);
    expect(released).toEqual([]);
    redis.away = false;
    await releases.flush();
    expect(owned()).toEqual(['c2']);
    expect(releases.size).toBe(0);
    expect(released).toEqual(['c0']);
  });

  it.each(['edge-b', EDGE])('leave a client alone that a newer connection owns by now, at %s', async (edge) => {
    const { redis, releases, add } = clientsOf(1);
    const generation = redis.own('c0', edge);
    add('c0');
    await releases.flush();
    expect(redis.client('c0').owner).toEqual({ edge, generation });
  });

  it('of two connections of one client are both sent', async () => {
    const { redis, releases, owned, add } = clientsOf(1);
    redis.away = true;
    add('c0');
    await turns(3);
    const newer = redis.client('c0').owner?.generation ?? 0;
    redis.away = false;
    releases.add({ clientId: 'c0', generation: newer + 1, reason: 'closed' });
    await releases.flush();
    expect(owned()).toEqual([]);
    expect(releases.size).toBe(0);
  });
});
