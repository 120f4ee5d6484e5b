import { randomUUID } from 'node:crypto';
import { openRedis } from '@holdfast/redis/redis';
import { captureLog } from '@holdfast/service/captured-log';
import { prefix, redisUrl } from '@holdfast/testkit/redis';
import { expect, onTestFinished, test } from 'vitest';
import { redisKeys } from '../keys.ts';
import { openBroker } from '../testing/brokers.ts';
import { eventPartitions } from './partitions.ts';
import { webhookBroker } from './webhook-broker.ts';

test('where the memory of a partition may not be asked for, its length and its end are given all the same', async () => {
  const { redis: admin } = await openBroker();
  const user = `limited-${randomUUID()}`;
  await admin.call('ACL', 'SETUSER', user, 'on', '>secret', '~*', '&*', '+@all', '-memory|usage');
  onTestFinished(() => void admin.call('ACL', 'DELUSER', user));
  const { logger } = captureLog();
  const url = redisUrl().replace('redis://', `redis://${user}:secret@`);
  const redis = openRedis({ kind: 'single', url }, { name: 'test', logger });
  await redis.whenReady({ logger });
  onTestFinished(() => redis.close());
  const start = prefix();
  const { name, stream } = eventPartitions(redis.commands, redisKeys(start)).partition(3);
  const id = await redis.commands.xadd(stream, '*', 't', 'topic.occupied', 'd', '{"topic":"a"}');
  expect(await webhookBroker(redis.commands, start).endOf(name)).toEqual({ length: 1, last: id, bytes: 0 });
});
