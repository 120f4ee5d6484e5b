import { describe, expect, it } from 'vitest';
import { Releases } from './releases.ts';
import { MemoryRedis } from './testing/memory-redis.ts';
import { turns } from './testing/turns.ts';

const EDGE = 'edge-a';

function clientsOf(count: number) {
  const redis = new MemoryRedis();
  const released: string[] = [];
  const releases = new Releases(redis.broker(), EDGE, (clientId) => released.push(clientId));
  const ids = Array.from({ length: count }, (_, index) => `c${index}`);
  for (const id of ids) {
    redis.register(id);
    redis.client(id).owner = { edge: EDGE, connection: `of-${id}` };
  }
  const owned = () => ids.filter((id) => redis.client(id).owner !== null);
  return { redis, releases, released, ids, owned };
}

describe('releases', () => {
  it('give up every client, also when very many end at once', async () => {
    const { releases, released, ids, owned } = clientsOf(1700);
    for (const id of ids) releases.add(id, `of-${id}`);
    await releases.flush();
    expect(owned()).toEqual([]);
    expect(releases.size).toBe(0);
    expect(released).toHaveLength(1700);
  });

  it('are tried again until Redis takes them', async () => {
    const { redis, releases, released, owned } = clientsOf(3);
    redis.away = true;
    releases.add('c0', 'of-c0');
    releases.add('c1', 'of-c1');
    await releases.flush();
    await turns(3);
    expect(releases.size).toBe(2);
    expect(released).toEqual([]);
    redis.away = false;
    await releases.flush();
    expect(owned()).toEqual(['c2']);
    expect(releases.size).toBe(0);
  });

  it('leave a client alone that somebody else owns by now', async () => {
    const { redis, releases } = clientsOf(1);
    redis.client('c0').owner = { edge: 'edge-b', connection: 'of-c0' };
    releases.add('c0', 'of-c0');
    await releases.flush();
    expect(redis.client('c0').owner).toEqual({ edge: 'edge-b', connection: 'of-c0' });
  });
});
