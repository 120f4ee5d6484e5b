import { expect, test } from 'vitest';
import { openBroker } from '../testing/brokers.ts';
import { member, presenceTopic } from '../testing/presence-topic.ts';

const its = await openBroker();
const { redis, edge } = its;

const EDGES = 4;
/** 50 bytes of JSON, and the id of a user. */
const INFO = { name: 'x'.repeat(50 - JSON.stringify({ name: '' }).length) };
const idOf = (index: number) => `user-${String(index).padStart(8, '0')}`;

/** What Redis keeps of a topic with so many members, divided by their number. */
async function bytesPerMember(members: number): Promise<number> {
  const room = await presenceTopic(its, { limit: 20_000 });
  const share = members / EDGES;
  for (let index = 0; index < EDGES; index += 1) {
    const own = Array.from({ length: share }, (_, at) => member(idOf(index * share + at), INFO));
    await room.edge(`${index}`.repeat(12)).join(...own);
  }
  for (let pending = members; pending > 0; pending -= 500) {
    await room.due();
    await edge.flushPresence(room.topic);
  }
  const keys = await redis.keys(`${room.here}*`);
  expect(keys).toHaveLength(EDGES + 1);
  const bytes = await Promise.all(keys.map((key) => redis.call('MEMORY', 'USAGE', key, 'SAMPLES', '0')));
  return bytes.reduce((sum: number, some) => sum + Number(some), 0) / members;
}

test('a member with 50 bytes of info takes at most 160 bytes of Redis, in a large topic and in a small one', async () => {
  const large = await bytesPerMember(10_000);
  const small = await bytesPerMember(200);
  expect(large).toBeLessThanOrEqual(160);
  expect(small).toBeLessThanOrEqual(100);
});
