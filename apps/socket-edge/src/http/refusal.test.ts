import { expect, it } from 'vitest';
import { RefusalLimit } from './refusal.ts';

it('an address that was refused too often gets a delay to wait, and no other one does', async () => {
  const limit = new RefusalLimit(3);
  for (let count = 0; count < 3; count += 1) {
    expect(await limit.blockedFor('10.0.0.1')).toBeNull();
    await limit.count('10.0.0.1');
  }
  const seconds = await limit.blockedFor('10.0.0.1');
  expect(seconds).toBeGreaterThanOrEqual(1);
  expect(seconds).toBeLessThanOrEqual(10);
  expect(await limit.blockedFor('10.0.0.2')).toBeNull();
});

it('asking whether one may go on costs nothing', async () => {
  const limit = new RefusalLimit(1);
  for (let count = 0; count < 10; count += 1) expect(await limit.blockedFor('10.0.0.1')).toBeNull();
});
