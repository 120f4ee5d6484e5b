import { setTimeout as delay } from 'node:timers/promises';
import { createBackend } from '@holdfast/server';

const { env } = process;
const orderMs = Number(env['ORDER_MS'] ?? 500);
const holdfast = createBackend({
  controlUrl: env['HOLDFAST_CONTROL_URL'] ?? '',
  key: env['HOLDFAST_SHOP_KEY'] ?? '',
});

/** How far back a worker that was away can go on. */
const history = { size: 100_000, seconds: 7 * 24 * 3600 };

export async function openShop(): Promise<void> {
  await holdfast.createTopic('orders', { history });
}

/** Publishes one order after the other until the process ends. */
export async function sell(): Promise<never> {
  for (let number = 1; ; number += 1) {
    await delay(orderMs);
    await holdfast.publish('orders', { number, amount: ((number * 7) % 50) + 1 });
  }
}
