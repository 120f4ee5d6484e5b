import { startPrivateRedis } from '@holdfast/testkit/redis-process';
import { captureLog } from '@holdfast/service/captured-log';
import { FixedHistogram } from '@holdfast/service/fixed-histogram';
import { expect, test } from 'vitest';
import { COMMAND_TIMEOUT_MS } from './address.ts';
import { connectRedis, waitForRedis } from './connection.ts';
import { roundTrips } from './round-trips.ts';
import { asked, run } from './script.ts';
import { RedisUnavailable } from './unavailable.ts';

const count = (): number => roundTrips.counts.reduce((sum, own) => sum + own);
const SLOW = FixedHistogram.bounds.findIndex((bound) => bound * 1000 >= COMMAND_TIMEOUT_MS);

test('answers, refusals and time-outs of Redis are timed, and what is never sent is not', async () => {
  const redis = await startPrivateRedis();
  const { logger } = captureLog();
  const connection = connectRedis({ kind: 'single', url: redis.url }, { name: 'test', role: 'commands', logger });
  await waitForRedis(connection, { logger });
  try {
    const before = count();
    await asked(connection.set('k', 'v'));
    // Sent by its hash first, and then whole.
    await run(connection, { source: 'return 1', sha: 'f'.repeat(40) }, ['k'], []);
    await expect(asked(connection.hget('k', 'f'))).rejects.toThrow(RedisUnavailable);
    expect(count() - before).toBe(4);

    /** As long as the time-out or longer: on a busy machine it is noticed late. */
    const slow = () => roundTrips.counts.slice(SLOW).reduce((sum, own) => sum + own, 0);
    const slowBefore = slow();
    redis.freeze();
    await expect(asked(connection.get('k'))).rejects.toThrow(RedisUnavailable);
    expect(slow() - slowBefore).toBe(1);
    redis.thaw();
    connection.disconnect();
    await expect(asked(connection.get('k'))).rejects.toThrow(RedisUnavailable);
    expect(count() - before).toBe(5);
  } finally {
    connection.disconnect();
    await redis.stop();
  }
});
