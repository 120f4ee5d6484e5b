import type { Explanation } from '@holdfast/client/rest';
import { eventually } from '@holdfast/testkit/eventually';
import { startPrivateRedis } from '@holdfast/testkit/redis-process';
import type { TestSocket } from '@holdfast/testkit/socket';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Backend, startBackend } from './backend.ts';

/** Several processes start, on a machine that runs other files as well. */
const START_WITHIN_MS = 60_000;
/** More than are published in one millisecond: the next one may have the sequence after. */
const FAR = 1_000_000;
/** An edge, or what it has noted, may be a moment behind. */
const WITHIN = { timeout: 10_000, interval: 20 };
/** Some hundred large messages. */
const FILLED = { timeoutMs: 40_000 };
/** Until the lease of a dead edge has run out, and the reaper has come by. */
const EDGE_DEATH = { timeoutMs: 30_000 };

let backend: Backend & AsyncDisposable;
let topics = 0;

beforeAll(async () => {
  backend = await startBackend({ edges: 2 });
}, START_WITHIN_MS);

afterAll(() => backend[Symbol.asyncDispose](), START_WITHIN_MS);

async function newTopic(history?: { size?: number; seconds?: number }): Promise<string> {
  topics += 1;
  const topic = `explained.${topics}`;
  await backend.topic(topic, history);
  return topic;
}

async function explain(client: string, topic: string, id: string, on: Backend = backend): Promise<Explanation> {
  const answer = await on.call<Explanation>(
    'GET',
    `/v1/explain?${new URLSearchParams({ client, topic, id }).toString()}`,
  );
  expect(answer).toMatchObject({ status: 200 });
  expect(answer.body.evidence.length).toBeGreaterThan(0);
  return answer.body;
}

async function verdictOf(...asked: Parameters<typeof explain>): Promise<string> {
  return (await explain(...asked)).verdict;
}

/** The explanation, once it has this verdict. */
function becomes(verdict: string, ...asked: Parameters<typeof explain>): Promise<Explanation> {
  return eventually(async () => {
    const explanation = await explain(...asked);
    expect(explanation).toMatchObject({ verdict });
    return explanation;
  });
}

/** A connection that has been welcomed. */
async function connected(client: string, options: Parameters<Backend['connect']>[1] = {}): Promise<TestSocket> {
  const socket = await backend.connect(client, options);
  onTestFinished(() => socket.terminate());
  if (options.resume !== true) await socket.next('welcome');
  return socket;
}

async function resumed(client: string, positions: Record<string, string>, edge = 0): Promise<TestSocket> {
  const socket = await connected(client, { resume: true, edge });
  socket.send({ type: 'resume', positions });
  await socket.next('welcome');
  return socket;
}

async function isOffline(client: string): Promise<void> {
  await eventually(async () => {
    expect((await backend.call('GET', `/v1/clients/${client}`)).body['connected']).toBe(false);
  });
}

const post = (path: string, body: unknown) => backend.call('POST', path, { body });

describe('a message that was delivered live', () => {
  it('is delivered, while the connection lasts, after it was closed, and after the log lost it', async () => {
    const topic = await newTopic({ size: 2 });
    const client = await backend.register([topic]);
    const socket = await connected(client);
    const id = await backend.publish(topic, 1);
    await socket.next('message');
    const explanation = await becomes('delivered', client, topic, id);
    expect(explanation.evidence.map(({ source }) => source)).toEqual(['log', 'subscription', 'connection']);
    await socket.close();
    await isOffline(client);
    await expect.poll(() => verdictOf(client, topic, id), WITHIN).toBe('delivered');
    for (let count = 0; count < 3; count += 1) await backend.publish(topic, count);
    expect((await explain(client, topic, id)).verdict).toBe('delivered');
  });

  it('of @me and of @user is delivered too', async () => {
    const { body } = await post('/v1/clients', { user: 'explained' });
    const client = String(body['clientId']);
    const socket = await connected(client);
    for (const [topic, path] of [
      ['@me', `/v1/clients/${client}/messages`],
      ['@user', '/v1/users/explained/messages'],
    ] as const) {
      const id = String((await post(path, 1)).body['id']);
      await socket.next('message');
      await expect.poll(() => verdictOf(client, topic, id), WITHIN).toBe('delivered');
    }
  });

  it('may not have arrived when the connection was lost soon after, unless the client resumes', async () => {
    const topic = await newTopic();
    const client = await backend.register([topic]);
    const socket = await connected(client);
    const id = await backend.publish(topic, 1);
    await socket.next('message');
    socket.terminate();
    await isOffline(client);
    await expect.poll(() => verdictOf(client, topic, id), WITHIN).toBe('unknown');
    await resumed(client, { [topic]: id });
    await expect.poll(() => verdictOf(client, topic, id), WITHIN).toBe('delivered');
  });

  it('is delivered although the subscription has ended since', async () => {
    const topic = await newTopic();
    const client = await backend.register([topic]);
    const socket = await connected(client);
    const id = await backend.publish(topic, 1);
    await socket.next('message');
    await backend.call('DELETE', `/v1/clients/${client}/topics?topics=${topic}`);
    await socket.next('unsubscribed');
    await expect.poll(() => verdictOf(client, topic, id), WITHIN).toBe('delivered');
  });
});

describe('a message that was published while the client was away', () => {
  it('waits for it, is delivered when it resumes, and is then told so for good', async () => {
    const topic = await newTopic();
    const client = await backend.register([topic]);
    const socket = await connected(client);
    const seen = await backend.publish(topic, 0);
    await socket.next('message');
    await socket.close();
    await isOffline(client);
    const id = await backend.publish(topic, 1);
    await expect.poll(() => verdictOf(client, topic, id), WITHIN).toBe('offline-will-resume');
    const again = await resumed(client, { [topic]: seen }, 1);
    await again.next('message');
    await expect.poll(() => verdictOf(client, topic, id), WITHIN).toBe('delivered-on-resume');
    await again.close();
    await isOffline(client);
    await expect.poll(() => verdictOf(client, topic, id), WITHIN).toBe('delivered-on-resume');
  });

  it('is unknown when it comes back without a resume: whether it had it only the client knows', async () => {
    const topic = await newTopic();
    const client = await backend.register([topic]);
    const id = await backend.publish(topic, 1);
    await connected(client);
    const { evidence } = await becomes('unknown', client, topic, id);
    expect(evidence.at(-1)?.text).toContain('only the client knows');
  });

  it('is announced as lost when the log does not have it any more, and expired until then', async () => {
    const topic = await newTopic({ size: 1 });
    const client = await backend.register([topic]);
    const socket = await connected(client);
    const seen = await backend.publish(topic, 0);
    await socket.next('message');
    await socket.close();
    await isOffline(client);
    const id = await backend.publish(topic, 1);
    for (let count = 0; count < 3; count += 1) await backend.publish(topic, count);
    await expect.poll(() => verdictOf(client, topic, id), WITHIN).toBe('expired-from-history');
    const again = await resumed(client, { [topic]: seen });
    await again.next('lost');
    await expect.poll(() => verdictOf(client, topic, id), WITHIN).toBe('told-lost');
    await again.close();
    await isOffline(client);
    await expect.poll(() => verdictOf(client, topic, id), WITHIN).toBe('told-lost');
  });
});

describe('a message that was not for the client', () => {
  it('is one from before its registration, also when it was registered anew', async () => {
    const topic = await newTopic();
    const client = await backend.register([topic]);
    const early = await backend.publish(topic, 0);
    await backend.call('DELETE', `/v1/clients/${client}`);
    // Further apart than their clocks are taken to be.
    await expect.poll(() => Date.now(), WITHIN).toBeGreaterThan(Number.parseInt(early, 10) + 1_500);
    await post('/v1/clients', { clientId: client, topics: [topic] });
    expect((await explain(client, topic, early)).verdict).toBe('not-registered-then');
  });

  it('is one from before its subscription, or after the end of it', async () => {
    const topic = await newTopic();
    const client = await backend.register([]);
    const early = await backend.publish(topic, 0);
    expect((await explain(client, topic, early)).verdict).toBe('not-subscribed-then');
    await post(`/v1/clients/${client}/topics`, { topics: topic });
    expect((await explain(client, topic, early)).verdict).toBe('not-subscribed-then');
    const meant = await backend.publish(topic, 1);
    await backend.call('DELETE', `/v1/clients/${client}/topics?topics=${topic}`);
    const late = await backend.publish(topic, 2);
    await expect.poll(() => verdictOf(client, topic, late), WITHIN).toBe('subscription-ended-before');
    // It was for the client, and the subscription ended before the client could be sent it.
    await expect.poll(() => verdictOf(client, topic, meant), WITHIN).toBe('subscription-ended-before');
  });

  it('is none at all when the log shows that there is none of its id', async () => {
    const topic = await newTopic();
    const client = await backend.register([topic]);
    const id = await backend.publish(topic, 0);
    await backend.publish(topic, 1);
    const [ms, sequence] = id.split('-').map(Number);
    expect((await explain(client, topic, `${ms}-${Number(sequence) + FAR}`)).verdict).toBe('no-such-message');
    expect((await explain(client, topic, `${Number(ms) + 60_000}-0`)).verdict).toBe('no-such-message');
    expect((await explain(client, topic, '1000-0')).verdict).toBe('unknown');
  });
});

describe('a connection that takes nothing', () => {
  it('is catching up', async () => {
    const topic = await newTopic();
    const client = await backend.register([topic]);
    const socket = await connected(client);
    socket.ws.pause();
    const filling = 'x'.repeat(60_000);
    let id = '';
    // Until the buffers of the machine are full, which are large.
    await eventually(async () => {
      for (let count = 0; count < 20; count += 1) id = await backend.publish(topic, filling);
      expect((await explain(client, topic, id)).verdict).toBe('catching-up');
    }, FILLED);
    socket.ws.resume();
    await expect.poll(() => verdictOf(client, topic, id), WITHIN).toBe('delivered');
  });
});

describe('an edge that does not tell', () => {
  it('because it is frozen leaves the verdict unknown, until it goes on', async () => {
    const topic = await newTopic();
    const client = await backend.register([topic]);
    const socket = await connected(client, { edge: 1 });
    const edge = backend.installation.edges[1];
    edge?.kill('SIGSTOP');
    try {
      const id = await backend.publish(topic, 1);
      const { verdict, evidence } = await explain(client, topic, id);
      expect(verdict).toBe('unknown');
      expect(JSON.stringify(evidence)).toContain('did not answer');
      edge?.kill('SIGCONT');
      await socket.next('message');
      await expect.poll(() => verdictOf(client, topic, id), WITHIN).toBe('delivered');
    } finally {
      edge?.kill('SIGCONT');
    }
  });

  it('because it died leaves it unknown, until the client resumes elsewhere', async () => {
    await using own = await startBackend({ edges: 2 });
    await own.topic('died');
    const client = await own.register(['died']);
    const socket = await own.connect(client);
    await socket.next('welcome');
    const seen = await own.publish('died', 0);
    await socket.next('message');
    own.installation.edges[0]?.kill('SIGKILL');
    await socket.closed;
    const missed = await own.publish('died', 1);
    await eventually(async () => {
      expect((await own.call('GET', `/v1/clients/${client}`)).body['connected']).toBe(false);
    }, EDGE_DEATH);
    for (const id of [seen, missed]) expect((await explain(client, 'died', id, own)).verdict).toBe('unknown');
    const again = await own.connect(client, { edge: 1, resume: true });
    again.send({ type: 'resume', positions: { died: seen } });
    await again.next('message');
    // Whether it was delivered before is not known: the edge may have written it.
    for (const id of [seen, missed]) expect(await verdictOf(client, 'died', id, own)).toBe('unknown');
    again.terminate();
  }, 90_000);
});

describe('a Redis that has lost its data', () => {
  it('does not know the client any more', async () => {
    const redis = await startPrivateRedis();
    const admin = new Redis(redis.url);
    try {
      await using own = await startBackend({ redis: { url: redis.url }, edges: 1 });
      await own.topic('emptied');
      const client = await own.register(['emptied']);
      const id = await own.publish('emptied', 1);
      await admin.flushall();
      await own.topic('emptied');
      const query = new URLSearchParams({ client, topic: 'emptied', id });
      const gone = await own.call('GET', `/v1/explain?${query.toString()}`);
      expect(gone).toMatchObject({ status: 404, body: { code: 'client-not-found' } });
      await own.call('POST', '/v1/clients', { body: { clientId: client, topics: ['emptied'] } });
      expect((await explain(client, 'emptied', id, own)).verdict).toBe('unknown');
    } finally {
      admin.disconnect();
      await redis.stop();
    }
  });
});
