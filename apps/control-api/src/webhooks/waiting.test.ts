import { expect, test } from 'vitest';
import { Backlog } from './backlog.ts';
import { Changes } from './changes.ts';
import { newDelivery } from './delivery.ts';
import { WaitingDeliveries } from './waiting.ts';

const HOUR_MS = 3_600_000;
const BACK_MS = 30_000;

test('an endpoint that takes others is not tried all the time with what it never takes', () => {
  const backlog = new Backlog(0, new Map());
  const broker = { writeWebhook: async () => true };
  const changes = new Changes(broker, { id: 'backend', token: 't', takeMoved: () => new Map() });
  const waiting = new WaitingDeliveries(new Map(), backlog, changes);
  const event = { partition: '1', position: '1000-0', type: 'topic.occupied', clientId: null, data: '{}' };
  const delivery = newDelivery([event], { isBatch: false });
  Object.assign(delivery, { tries: 7, failed: 1_000 });
  waiting.add(delivery, 1_000 + HOUR_MS);
  waiting.hasten(2_000, BACK_MS);
  expect(waiting.nextDue()).toBeGreaterThanOrEqual(1_000 + BACK_MS);
  expect(waiting.nextDue()).toBeLessThan(3_000 + BACK_MS);
  const first = waiting.takeDue(HOUR_MS);
  waiting.add(delivery, HOUR_MS);
  waiting.hasten(100_000, BACK_MS);
  expect(first).toBe(delivery);
  expect(waiting.nextDue()).toBeLessThan(102_000);
});
