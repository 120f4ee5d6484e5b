import { randomUUID } from 'node:crypto';
import { DEFAULT_HISTORY } from '@holdfast/protocol/limits';
import { comparePositions } from '@holdfast/protocol/position-order';
import { describe, expect, test } from 'vitest';
import { connect, openBroker, someone } from '../testing/brokers.ts';

const { redis, keys, control, edge } = await openBroker();

async function register(): Promise<string> {
  const client = someone();
  await control.register(client, null);
  return client.clientId;
}

const MILLISECOND_IN_THE_FUTURE = 9_999_999_999_999;

describe('publishing to a client', () => {
  test('appends to its own log, with ids that strictly rise from its registration on', async () => {
    const clientId = await register();
    const state = await control.readClient(clientId);
    expect(state?.ownPosition).toBe(`${state?.registeredAt}-${state?.incarnation}`);
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, index) => control.publishToClient(clientId, Buffer.from(String(index)))),
    );
    const ids = outcomes.map((outcome) => (outcome.kind === 'published' ? outcome.id : ''));
    const page = await edge.readClientLog(clientId, null, 100);
    expect(page?.entries.map(({ id }) => id)).toEqual(ids.toSorted(comparePositions));
    expect(page).toMatchObject({ start: state?.ownPosition, firstPrev: state?.ownPosition, last: ids.at(-1) });
    expect(page?.entries.map(({ prev }) => prev)).toEqual([state?.ownPosition, ...ids.slice(0, -1)]);
    expect((await control.readClient(clientId))?.ownPosition).toBe(ids.at(-1));
  });

  test('leaves the traceparent of a call that is traced in the log', async () => {
    const clientId = await register();
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    await control.publishToClient(clientId, Buffer.from('1'), undefined, undefined, traceparent);
    await control.publishToClient(clientId, Buffer.from('2'));
    const page = await edge.readClientLog(clientId, null, 10);
    expect(page?.entries.map((entry) => entry.traceparent)).toEqual([traceparent, undefined]);
  });

  test('goes on rising when the log is gone, and by a random step when the clock is behind', async () => {
    const clientId = await register();
    await control.publishToClient(clientId, Buffer.from('1'));
    await redis.hset(keys.client(clientId), 'm', `${MILLISECOND_IN_THE_FUTURE}-0`);
    await redis.del(keys.clientLog(clientId));
    const sequences: number[] = [];
    for (let index = 0; index < 3; index += 1) {
      const outcome = await control.publishToClient(clientId, Buffer.from('2'));
      const [ms, sequence] = outcome.kind === 'published' ? outcome.id.split('-') : [];
      expect(ms).toBe(String(MILLISECOND_IN_THE_FUTURE));
      sequences.push(Number(sequence));
    }
    const steps = sequences.map((sequence, index) => sequence - (sequences[index - 1] ?? 0));
    expect(Math.min(...steps)).toBeGreaterThan(0);
    expect(new Set(steps).size).toBeGreaterThan(1);
  });

  test('never gives the same id for two messages when Redis has lost the first one', async () => {
    const clientId = await register();
    await redis.hset(keys.client(clientId), 'm', `${MILLISECOND_IN_THE_FUTURE}-0`);
    const lost = await redis.dumpBuffer(keys.client(clientId));
    const ids: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      await redis.restore(keys.client(clientId), 0, lost, 'REPLACE');
      await redis.del(keys.clientLog(clientId));
      const outcome = await control.publishToClient(clientId, Buffer.from(String(round)));
      ids.push(outcome.kind === 'published' ? outcome.id : '');
    }
    // One pair of five is the same once in 100,000 runs, two pairs once in some billions.
    expect(new Set(ids).size).toBeGreaterThanOrEqual(4);
  });

  test('passes on bytes as they are', async () => {
    const clientId = await register();
    const data = Buffer.from(Uint8Array.from({ length: 256 }, (_, byte) => byte));
    await control.publishToClient(clientId, data);
    expect((await control.readClientLog(clientId, null, 1))?.entries[0]?.data.equals(data)).toBe(true);
  });

  test('under an idempotency key of another caller or other data is a conflict, and publishes nothing', async () => {
    const clientId = await register();
    const publish = (data: string, caller: string) =>
      control.publishToClient(clientId, Buffer.from(data), 'key', caller);
    const first = await publish('1', 'shop');
    expect(await publish('1', 'bank')).toEqual({ kind: 'conflict' });
    expect(await publish('2', 'shop')).toEqual({ kind: 'conflict' });
    expect(await publish('1', 'shop')).toEqual({ ...first, kind: 'repeated' });
    expect((await control.readClientLog(clientId, null, 10))?.entries).toHaveLength(1);
  });

  test('notifies its edge, also when it is a repetition: the first attempt may not have come so far', async () => {
    const clientId = await register();
    const owner = randomUUID();
    await control.publishToClient(clientId, Buffer.from('0'));
    await connect(edge, clientId, owner);
    expect(await edge.readPending(owner, 10)).toEqual([]);
    const first = await control.publishToClient(clientId, Buffer.from('1'), 'key');
    expect(await edge.readPending(owner, 10)).toEqual([clientId]);
    await edge.acknowledge(owner, [clientId]);
    const again = await control.publishToClient(clientId, Buffer.from('1'), 'key');
    expect(again).toEqual({ ...first, kind: 'repeated' });
    expect(await edge.readPending(owner, 10)).toEqual([clientId]);
    expect((await control.readClientLog(clientId, null, 10))?.entries.map(({ data }) => String(data))).toEqual([
      '0',
      '1',
    ]);
  });

  test('keeps the history that a topic keeps by default', async () => {
    const clientId = await register();
    await Promise.all(
      Array.from({ length: DEFAULT_HISTORY.size + 10 }, () => control.publishToClient(clientId, Buffer.from('1'))),
    );
    expect(await redis.xlen(keys.clientLog(clientId))).toBe(DEFAULT_HISTORY.size);
    const left = await redis.pttl(keys.clientLog(clientId));
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(DEFAULT_HISTORY.seconds * 1000);
  });

  test('that is not registered does and leaves nothing', async () => {
    const clientId = randomUUID();
    expect(await control.publishToClient(clientId, Buffer.from('1'), 'key')).toEqual({ kind: 'not-found' });
    expect(await control.readClientLog(clientId, null, 1)).toBeNull();
    const left = [keys.client(clientId), keys.clientLog(clientId), keys.clientIdempotency(clientId, 'key')];
    expect(await redis.exists(...left)).toBe(0);
  });

  test('that was registered anew is not swallowed by an idempotency key of before', async () => {
    const client = someone();
    await control.register(client, null);
    await control.publishToClient(client.clientId, Buffer.from('1'), 'key');
    await control.unregister(client.clientId);
    await control.register(client, null);
    const outcome = await control.publishToClient(client.clientId, Buffer.from('1'), 'key');
    expect(outcome.kind).toBe('published');
  });
});
