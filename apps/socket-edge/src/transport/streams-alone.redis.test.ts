import { describe } from 'vitest';
import { defaults } from '../testing/running-edge.ts';

// The same tests as with direct writes, which are the default.
defaults.directWrites = false;

describe('without direct writes', async () => {
  await import('../connection/connection.redis.test.ts');
  await import('../topic/delivery.redis.test.ts');
});
