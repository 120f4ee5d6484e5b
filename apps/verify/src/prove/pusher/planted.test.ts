import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '@holdfast/harness/clock';
import { eventually } from '@holdfast/testkit/eventually';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PlantedDoor } from '../../testing/planted-door.ts';
import type { Publication } from '../checker/truth.ts';
import { newApp } from './app.ts';
import type { Findings } from './findings.ts';
import { truthOf } from './order.ts';
import { Worker } from './worker.ts';

const MEMBERS = 4;
const CHANNEL = 'private-prove-2';
const { signal } = new AbortController();

let door: PlantedDoor;
let worker: Worker;
let publications: Publication[];
beforeEach(async () => {
  door = await PlantedDoor.start();
  worker = new Worker();
  publications = [];
  const members = Array.from({ length: MEMBERS }, (_, member) => ({
    member,
    user: `user-${member}`,
    channels: [CHANNEL],
  }));
  await worker.handlers().begin({ members, app: newApp(), edgeUrls: [door.url], seed: 1 }, signal);
});
afterEach(async () => {
  worker[Symbol.dispose]();
  await door.stop();
});

/** A call that publishes and is answered; who receives its message is for the test. */
async function published(token: string, outcome: Publication['outcome'] = { kind: 'published', id: token }) {
  // Calls of this test are one after the other on the clock as well.
  await delay(2);
  const at = monotonicMs();
  publications.push({ topic: CHANNEL, token, askedAt: at, answeredAt: at, outcome });
}

async function isOpen(): Promise<void> {
  await eventually(() => expect(worker.progress().open).toBe(MEMBERS));
}

/** What the judge says once everybody has the last message. */
async function findings(): Promise<Findings> {
  await published('last');
  door.publish(CHANNEL, 'last');
  const positions = { [CHANNEL]: 'last' };
  const { missing } = await worker.handlers().reached({ positions, timeoutMs: 30_000 }, signal);
  expect(missing).toBe(0);
  const endAt = monotonicMs();
  const truths = [truthOf(CHANNEL, publications, await worker.handlers().receptions(null, signal))];
  return worker.handlers().check({ truths, run: { brokenAt: 0, healedAt: 0, endAt }, from: 0 }, signal);
}

const clean = { lost: 0, duplicated: 0, reordered: 0, phantom: 0, 'busy-loop': 0 };

describe('a violation that is planted', () => {
  test('none: nothing is found, and what is published while clients are away is counted as that', async () => {
    await published('a');
    door.publish(CHANNEL, 'a');
    door.drop();
    await eventually(() => expect(worker.progress().open).toBe(0));
    await published('b');
    await isOpen();
    const found = await findings();
    expect(found).toMatchObject({ faults: clean, received: 2 * MEMBERS, complaintCount: 0, mostHandshakes: 2 });
    expect(found.away).toBe(MEMBERS);
    expect(found.closes).toEqual({ 1006: MEMBERS });
  });

  test('a lost event is found', async () => {
    await published('a');
    door.publish(CHANNEL, 'a', 1);
    const { faults, samples } = await findings();
    expect(faults).toEqual({ ...clean, lost: 1 });
    expect(samples).toEqual([{ kind: 'lost', member: 0, channel: CHANNEL, token: 'a' }]);
  });

  test('a duplicated event is found', async () => {
    await published('a');
    door.publish(CHANNEL, 'a');
    door.publishToFirst(CHANNEL, 'a');
    expect((await findings()).faults).toEqual({ ...clean, duplicated: 1 });
  });

  test('an event that came after a later one is found', async () => {
    await published('a');
    await published('b');
    door.publish(CHANNEL, 'a', 1);
    door.publish(CHANNEL, 'b');
    door.publishToFirst(CHANNEL, 'a');
    expect((await findings()).faults).toEqual({ ...clean, reordered: 1 });
  });

  test('events that all receive in another order than they were published are found', async () => {
    await published('a');
    await published('b');
    door.publish(CHANNEL, 'b');
    door.publish(CHANNEL, 'a');
    expect((await findings()).faults).toEqual({ ...clean, reordered: MEMBERS });
  });

  test('events that were published at the same time may come in either order, and in one alone', async () => {
    const at = monotonicMs();
    for (const token of ['a', 'b']) {
      const outcome = { kind: 'published', id: token } as const;
      publications.push({ topic: CHANNEL, token, askedAt: at, answeredAt: at + 20, outcome });
    }
    await delay(20);
    door.publish(CHANNEL, 'b');
    door.publish(CHANNEL, 'a', 1);
    expect((await findings()).faults).toEqual({ ...clean, lost: 1 });
  });

  test('an event that was never published, and one that was refused, are found', async () => {
    await published('b', { kind: 'refused', status: 400 });
    for (const token of ['a', 'b']) door.publish(CHANNEL, token);
    expect((await findings()).faults).toEqual({ ...clean, phantom: 2 * MEMBERS });
  });

  test('an event without an answer is owed to all once one of them has it', async () => {
    await published('a', { kind: 'unknown' });
    await published('b', { kind: 'unknown' });
    door.publish(CHANNEL, 'b', 1);
    expect((await findings()).faults).toEqual({ ...clean, lost: 1 });
  });

  test('a busy loop is found: an error that has clients come again at once, before they are connected', async () => {
    door.refuseWith = 4200;
    door.drop();
    await eventually(() => expect(door.connections).toBeGreaterThan(10 * MEMBERS));
    door.refuseWith = null;
    await isOpen();
    expect((await findings()).faults).toEqual({ ...clean, 'busy-loop': MEMBERS });
  });

  test('an error that lets clients come again after a second is none', async () => {
    door.refuseWith = 4100;
    door.drop();
    await eventually(() => expect(door.connections).toBeGreaterThanOrEqual(3 * MEMBERS));
    door.refuseWith = null;
    await isOpen();
    expect((await findings()).faults).toEqual(clean);
  });

  test.each([
    ['an error on an open connection', '{"event":"pusher:error","data":{"code":4301,"message":"planted"}}'],
    ['a refused subscription', `{"event":"pusher:subscription_error","channel":"${CHANNEL}","data":{"status":401}}`],
    ['a second answer to a subscription', `{"event":"pusher_internal:subscription_succeeded","channel":"${CHANNEL}"}`],
    ['a frame that is no JSON', 'hello'],
  ])('%s is reported', async (_, text) => {
    door.sendToAll(text);
    const { complaintCount, complaints } = await findings();
    expect(complaintCount).toBe(MEMBERS);
    expect(complaints[0]).toContain('member 0');
  });

  test('a code after which clients never come again is reported', async () => {
    door.drop(4009);
    await eventually(() => expect(worker.progress().open).toBe(0));
    const check = { truths: [], run: { brokenAt: 0, healedAt: 0, endAt: monotonicMs() }, from: 0 };
    const { complaints } = await worker.handlers().check(check, signal);
    expect(complaints[0]).toBe('member 0: code 4009 has clients never come again');
  });
});
