import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Service } from '@holdfast/local/services';
import { eventually } from '@holdfast/testkit/eventually';
import { redisUrl } from '@holdfast/testkit/redis';
import { startPrivateRedis } from '@holdfast/testkit/redis-process';
import { call } from '@holdfast/testkit/rest';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { startBackend } from './backend.ts';
import { type ArrivedEvent, startWebhookBackend, withoutRepeats } from './webhook-receiver.ts';

const TOPICS = 20;
const MESSAGES = 10_000;
const BATCH = 500;
/** Ten thousand requests, and a lease of 10 s that has to run out, on a busy machine. */
const PATIENT = { timeoutMs: 150_000 };
const LONG_TEST_MS = 200_000;

const topicOf = (n: number): string => `hooks.${n % TOPICS}`;
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** Which of the control-apis delivers, as each logs it. */
function deliverer(controls: readonly Service[]): Service {
  const found = controls.find((control) =>
    control.lines().some((line) => line.includes('webhooks are delivered from here')),
  );
  if (found === undefined) throw new Error('none delivers yet');
  return found;
}

/**
 * What a topic's messages are judged by: each arrived, the first time in order, and no arrival left one out, so that only
 * what was under way is repeated.
 */
function judge(events: readonly ArrivedEvent[]): void {
  for (const topic of upTo(TOPICS).map(topicOf)) {
    const numbers = events.filter(({ data }) => data['topic'] === topic).map(({ data }) => Number(data['data']));
    expect([...new Set(numbers)], `of ${topic}`).toEqual(upTo(MESSAGES).filter((n) => topicOf(n) === topic));
  }
  const idOf = new Map<unknown, string>();
  for (const { id, data } of events) {
    expect(idOf.get(data['id']) ?? id).toBe(id);
    idOf.set(data['id'], id);
  }
}

describe('webhooks', () => {
  it(
    'through a kill -9 of the control-api that delivers: each of 10,000 events arrives, under one id, in order',
    async () => {
      const types = ['message.published'];
      // Counted as they come: counting them all at each look would leave no time to take them.
      const distinct: Record<string, Set<string>> = { one: new Set(), many: new Set() };
      await using hooks = await startWebhookBackend(
        [
          { id: 'one', types },
          { id: 'many', types, batch: { size: 100, ms: 50 } },
        ],
        (endpoint, event) => {
          if (isNumbered(event)) distinct[endpoint]?.add(event.id);
        },
      );
      await using backend = await startBackend({ controls: 2, edges: 1, env: hooks.env });
      const { controls, key } = backend.installation;
      for (const n of upTo(TOPICS)) await backend.topic(topicOf(n), { size: 10 });
      const victim = await eventually(() => deliverer(controls));
      const survivor = controls.find((control) => control !== victim);
      await eventually(async () => {
        await call(survivor?.url ?? '', 'POST', `/v1/topics/${topicOf(0)}/messages`, { key, body: 'a try' });
        for (const events of Object.values(hooks.arrived)) expect(events.length).toBeGreaterThan(0);
      });
      for (let from = 0; from < MESSAGES; from += BATCH) {
        const messages = upTo(BATCH).map((index) => ({ topics: [topicOf(from + index)], data: from + index }));
        const answer = await call(survivor?.url ?? '', 'POST', '/v1/messages', { key, body: { messages } });
        expect(answer.status).toBe(202);
      }
      await eventually(() => expect(distinct['one']?.size).toBeGreaterThan(MESSAGES / 10), PATIENT);
      await victim.crash();
      expect(distinct['one']?.size).toBeLessThan(MESSAGES);
      for (const id of ['one', 'many']) {
        await eventually(() => expect(distinct[id]?.size).toBe(MESSAGES), PATIENT);
        judge(hooks.arrived[id]?.filter(isNumbered) ?? []);
      }
      expect(hooks.faults).toEqual([]);
      const answer = await call<{ webhooks: object[] }>(survivor?.url ?? '', 'GET', '/v1/webhooks', { key });
      expect(answer.body.webhooks).toMatchObject([
        { id: 'one', state: 'active', dropped: 0 },
        { id: 'many', state: 'active', dropped: 0 },
      ]);
    },
    LONG_TEST_MS,
  );

  it(
    'through a restart of Redis with its data and a kill -9 of an edge: who came and who went, in order',
    async () => {
      const directory = await mkdtemp(join(tmpdir(), 'holdfast-hooks-redis-'));
      const persistent = { directory, args: ['--appendonly', 'yes', '--appendfsync', 'always'] };
      let redis = await startPrivateRedis(persistent);
      try {
        await using hooks = await startWebhookBackend([{ id: 'clients', types: ['client.*'] }]);
        await using backend = await startBackend({ edges: 2, env: hooks.env, redis: { url: redis.url } });
        await eventually(() => deliverer(backend.installation.controls));
        await eventually(async () => {
          const socket = await backend.connect(await backend.register([]));
          await socket.next('welcome');
          expect(hooks.arrived['clients']?.map(({ type }) => type)).toContain('client.connected');
        });
        const clients = await Promise.all(upTo(50).map(() => backend.register([])));
        const sockets = await Promise.all(clients.map((client) => backend.connect(client)));
        await Promise.all(sockets.map((socket) => socket.next('welcome')));
        const refs = await Promise.all(
          clients.map(async (client) => String((await backend.call('GET', `/v1/clients/${client}`)).body['ref'])),
        );
        await redis.kill();
        redis = await startPrivateRedis({ ...persistent, port: redis.port });
        await eventually(async () => expect((await backend.call('GET', '/readyz')).status).toBe(200));
        backend.installation.edges[0]?.kill('SIGKILL');
        const story = (ref: string) =>
          withoutRepeats(hooks.arrived['clients'] ?? [])
            .filter(({ data }) => data['ref'] === ref)
            .map(({ type, data }) => [type, data['reason']].filter(Boolean).join(' '));
        const came = ['client.registered', 'client.connected', 'client.disconnected edge-died'];
        await eventually(() => refs.forEach((ref) => expect(story(ref)).toEqual(came)), PATIENT);
        for (const client of clients) {
          expect((await backend.call('DELETE', `/v1/clients/${client}`)).status).toBe(200);
        }
        await eventually(() => refs.forEach((ref) => expect(story(ref)).toEqual([...came, 'client.unregistered'])));
        expect(hooks.faults).toEqual([]);
        const text = JSON.stringify(hooks.arrived);
        for (const client of clients) expect(text).not.toContain(client);
      } finally {
        await redis.stop();
        await rm(directory, { recursive: true, force: true });
      }
    },
    LONG_TEST_MS,
  );

  it('without a file leave no key in Redis, whatever happens', async () => {
    await using backend = await startBackend({ edges: 1 });
    await backend.topic('plain');
    const client = await backend.register(['plain']);
    const socket = await backend.connect(client);
    await socket.next('welcome');
    await backend.publish('plain', 1);
    await socket.next('message');
    await backend.call('DELETE', `/v1/clients/${client}`);
    await socket.closed;
    const redis = new Redis(redisUrl());
    try {
      const keys = await redis.keys(`${backend.installation.prefix}*`);
      expect(keys.length).toBeGreaterThan(0);
      expect(keys.filter((key) => /events|webhook|vacating/.test(key))).toEqual([]);
    } finally {
      redis.disconnect();
    }
    expect((await backend.call('GET', '/v1/webhooks')).body).toEqual({ webhooks: [] });
  });
});

/** What was published as a number, and not to see whether it arrives. */
function isNumbered({ data }: ArrivedEvent): boolean {
  return typeof data['data'] === 'number';
}
