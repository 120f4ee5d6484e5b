import { randomUUID } from 'node:crypto';
import { DEFAULT_PRESENCE } from '@holdfast/protocol/limits';
import { expect, test } from 'vitest';
import { loadScript } from '../lua/scripts.ts';
import { controlBroker, edgeBroker } from '../redis-broker.ts';
import { openBroker, watched } from '../testing/brokers.ts';

const { redis, keys, control, prefix } = await openBroker();

test('what is asked of topics that are no channels has not a command more, nor an answer a byte more', async () => {
  const commands: string[] = [];
  const seen = watched(redis, (command) => void commands.push(command));
  const [edge, api] = [edgeBroker(seen, prefix), controlBroker(seen, prefix)];
  const topic = randomUUID();
  await control.putTopic(topic, { presence: DEFAULT_PRESENCE });
  const asked = async (call: () => Promise<unknown>): Promise<string[]> => {
    commands.length = 0;
    await call();
    return [...commands];
  };
  expect(await asked(() => api.publish(topic, Buffer.from('1')))).toEqual(['evalsha']);
  expect(await asked(() => edge.readTopics([topic]))).toEqual(['hmget']);
  expect(await asked(() => edge.readLog(topic, null, 10))).toEqual(['evalshaBuffer']);
  const known = { topic, incarnation: '1', last: '1-0', settings: '' };
  expect(await asked(() => edge.compareTopics([known]))).toEqual(['evalsha']);
  expect(await asked(() => edge.checkPresence('e1', [{ topic, sequence: 0 }]))).toEqual(['evalsha']);
  // Nothing is written of who has it, and one look a round is all for edges that are gone.
  expect(edge.isOccupancyWanted(topic)).toBe(false);
  expect(await asked(() => api.vacateTopics())).toEqual(['smembers']);

  const { sha } = loadScript('compare-topics');
  const compared = await redis.evalsha(sha, 1, keys.topic(topic), 1, 1, '1', '1-0', '');
  expect((JSON.parse(String(compared)) as unknown[][])[0]).toHaveLength(7);
  const log = loadScript('read-log').sha;
  const page = await redis.evalsha(log, 2, keys.topic(topic), keys.topicLog(topic), '', 10, 'topic', 60, 1000, 1);
  expect(page).toHaveLength(7);
});
