import { describe, expect, it, vi } from 'vitest';
import { createBackend } from './backend.ts';
import { type Answer, json, noAnswer, problem, scriptedApi } from './testing/scripted-api.ts';

const PUBLISHED = { topic: 'news', id: '1-0' };
const REGISTERED = { clientId: 'x', name: null, topics: [], connect: { url: null, urls: [] } };
const KEY = 'backend.secret';

const silent: Answer = () => undefined;

async function backendOf(answers: Answer[], options: { attempts?: number; timeoutMs?: number } = {}) {
  const api = await scriptedApi(...answers);
  return { ...api, backend: createBackend({ controlUrl: api.controlUrl, key: KEY, ...options }) };
}

function ok(topic: string, id: string) {
  return { ok: true, ids: { [topic]: id } };
}

function failed(code: string) {
  return { ok: false, ids: {}, code, detail: `why ${code}`, topics: ['a'] };
}

/** The topics and idempotency keys of a batch. */
function keysOf(body = '{"messages":[]}'): string[] {
  const { messages } = JSON.parse(body) as { messages: { topics: string[]; idempotencyKey: string }[] };
  return messages.map(({ topics, idempotencyKey }) => `${topics.join()} ${idempotencyKey}`);
}

const allOk: Answer = (response, { body }) =>
  response.writeHead(202).end(JSON.stringify({ results: keysOf(body).map(() => ok('a', '1-0')) }));

it('says what the control URL must be, where its variable is not set', () => {
  const controlUrl = process.env['NOT_SET'] as string;
  expect(() => createBackend({ controlUrl, key: KEY })).toThrow(
    'controlUrl must be a URL such as http://127.0.0.1:7700, and is undefined',
  );
});

it('takes a key without the white space around it, and does not quote one that is none', async () => {
  for (const wrong of [
    '',
    'SECRET',
    '.SECRET',
    'app.',
    'app.SEC\nRET',
    'app.SEC RET',
    'app.SECRÉT',
    'app.SECRET\u007F',
  ]) {
    const create = () => createBackend({ controlUrl: 'http://127.0.0.1:1', key: wrong });
    expect(create).toThrow(new TypeError('key must be <id>.<secret>, of visible ASCII characters'));
  }
  const keys: (string | null)[] = [];
  const fetch = (_url: unknown, init?: RequestInit) => {
    keys.push(new Headers(init?.headers).get('x-api-key'));
    return Promise.resolve(Response.json(PUBLISHED, { status: 202 }));
  };
  await createBackend({ controlUrl: 'http://127.0.0.1:1', key: ' app.SECRET\r\n', fetch }).publish('news', 1);
  expect(keys).toEqual(['app.SECRET']);
});

describe('a call of a backend', () => {
  it('is repeated with the same idempotency key after no answer, 429 and 5xx', async () => {
    const answers = [
      noAnswer,
      problem('redis-unavailable'),
      problem('too-many-calls'),
      json(502, 'a proxy'),
      json(202, PUBLISHED),
    ];
    await using started = await backendOf(answers);
    expect(await started.backend.publish('news', { score: 1 })).toEqual(PUBLISHED);
    expect(started.calls).toHaveLength(5);
    const [{ idempotencyKey } = { idempotencyKey: undefined }] = started.calls;
    expect(idempotencyKey).toMatch(/^[0-9a-f-]{36}$/);
    expect(new Set(started.calls.map((call) => JSON.stringify(call))).size).toBe(1);
  });

  it('is not repeated when the server refuses it, and rejects with the problem document', async () => {
    await using started = await backendOf([problem('topic-not-found')]);
    await expect(started.backend.publish('news', 1)).rejects.toMatchObject({
      name: 'HoldfastError',
      code: 'topic-not-found',
      status: 404,
      problem: { detail: 'why topic-not-found' },
    });
    expect(started.calls).toHaveLength(1);
  });

  it('is given up after so many attempts, with the last error', async () => {
    await using started = await backendOf([noAnswer, problem('redis-unavailable')], { attempts: 2 });
    await expect(started.backend.publish('news', 1)).rejects.toMatchObject({ code: 'redis-unavailable' });
    expect(started.calls).toHaveLength(2);
  });

  it('waits as long as the server asks', async () => {
    await using started = await backendOf([problem('api-busy', { 'retry-after': '1' }), json(202, PUBLISHED)]);
    const since = performance.now();
    await started.backend.publish('news', 1);
    expect(performance.now() - since).toBeGreaterThanOrEqual(990);
  });

  it('does not wait longer than 60 s, however long the server asks', async () => {
    await using started = await backendOf([problem('api-busy', { 'retry-after': '61' }), json(202, PUBLISHED)]);
    await expect(started.backend.publish('news', 1)).rejects.toMatchObject({ code: 'api-busy', retryAfterMs: 61_000 });
    expect(started.calls).toHaveLength(1);
  });

  it('does not wait for ever for an answer, and ends with its signal', async () => {
    await using started = await backendOf([silent, silent, silent]);
    // Counted here: on a busy machine an attempt ends before the server has read it.
    const attempts = vi.fn<typeof fetch>(fetch);
    const { controlUrl } = started;
    const impatient = createBackend({ controlUrl, key: KEY, attempts: 2, timeoutMs: 50, fetch: attempts });
    await expect(impatient.publish('news', 1)).rejects.toMatchObject({ code: 'unreachable' });
    expect(attempts).toHaveBeenCalledTimes(2);
    const stop = new AbortController();
    const call = started.backend.publish('news', 1, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
  });
});

describe('register', () => {
  it('takes the place of a client whose registration was not answered', async () => {
    const answers = [noAnswer, problem('name-taken'), json(200, {}), json(201, REGISTERED)];
    await using started = await backendOf(answers);
    expect(await started.backend.register({ name: 'tab' })).toEqual(REGISTERED);
    const [first] = started.calls;
    const { clientId } = JSON.parse(first?.body ?? '') as { clientId: string };
    expect(started.calls.map(({ call }) => call)).toEqual([
      'POST /v1/clients',
      'POST /v1/clients',
      `DELETE /v1/clients/${clientId}`,
      'POST /v1/clients',
    ]);
  });

  it('leaves the client of another alone', async () => {
    await using taken = await backendOf([problem('name-taken')]);
    await expect(taken.backend.register({ name: 'tab' })).rejects.toMatchObject({ code: 'name-taken' });
    expect(taken.calls).toHaveLength(1);
    const clientId = '3f0c8f5e-7a54-4c7e-9d8e-0c9f2d1f6a11';
    await using given = await backendOf([noAnswer, problem('client-exists')]);
    await expect(given.backend.register({ clientId })).rejects.toMatchObject({ code: 'client-exists' });
    expect(given.calls).toHaveLength(2);
  });
});

describe('unregister and deleteTopic', () => {
  it('succeed when an attempt that was not answered had succeeded, and otherwise say that nothing was there', async () => {
    const gone = [problem('user-not-found'), problem('topic-not-found')];
    await using repeated = await backendOf([noAnswer, gone[0] ?? noAnswer, noAnswer, gone[1] ?? noAnswer]);
    await repeated.backend.unregister('x');
    await repeated.backend.deleteTopic('news');
    await using first = await backendOf(gone);
    await expect(first.backend.unregister('x')).rejects.toMatchObject({ code: 'user-not-found' });
    await expect(first.backend.deleteTopic('news')).rejects.toMatchObject({ code: 'topic-not-found' });
  });
});

describe('publishMany', () => {
  const items = ['a', 'b', 'c'].map((topic) => ({ topics: [topic], data: topic }));

  it('sends again, under the same key, only what may succeed in a moment', async () => {
    const first = [ok('a', '1-0'), failed('redis-unavailable'), failed('topic-not-found')];
    await using started = await backendOf([
      noAnswer,
      json(202, { results: first }),
      json(202, { results: [ok('b', '2-0')] }),
    ]);
    const outcomes = await started.backend.publishMany(items);
    const [one, two, three] = started.calls.map(({ body }) => keysOf(body));
    const refused = { ...failed('topic-not-found'), idempotencyKey: one?.[2]?.slice('c '.length) };
    expect(outcomes).toEqual([ok('a', '1-0'), ok('b', '2-0'), refused]);
    expect([two, three]).toEqual([one, [one?.[1]]]);
  });

  it('says of each message what became of it when the attempts are over', async () => {
    const results = [ok('a', '1-0'), failed('redis-unavailable'), ok('c', '1-0')];
    await using started = await backendOf([json(202, { results }), noAnswer], { attempts: 2 });
    const outcomes = await started.backend.publishMany(items);
    const idempotencyKey = keysOf(started.calls[0]?.body)[1]?.slice('b '.length);
    expect(outcomes).toEqual([results[0], { ...results[1], idempotencyKey }, results[2]]);
    await using refused = await backendOf([problem('key-unknown')]);
    await expect(refused.backend.publishMany(items)).rejects.toMatchObject({ code: 'key-unknown' });
  });

  it.each([
    ['unreachable', [noAnswer, noAnswer]],
    ['unreachable', [noAnswer, problem('key-unknown')]],
    ['internal-error', [problem('internal-error'), problem('internal-error')]],
    ['unexpected-answer', [json(202, { results: [] })]],
  ])('gives what may have been published an outcome with its key: %s', async (code, answers) => {
    await using started = await backendOf(answers, { attempts: 2 });
    const outcomes = await started.backend.publishMany(items);
    expect(outcomes.map(({ topics, idempotencyKey }) => `${topics?.join()} ${idempotencyKey}`)).toEqual(
      keysOf(started.calls[0]?.body),
    );
    expect(outcomes.every((outcome) => !outcome.ok && outcome.code === code)).toBe(true);
  });

  it('gives all their outcomes when its signal ends it, and sends no more', async () => {
    const stop = new AbortController();
    await using started = await backendOf([allOk, () => stop.abort(new Error('enough')), allOk]);
    const many = Array.from({ length: 2001 }, () => ({ topics: ['a'], data: 1 }));
    const outcomes = await started.backend.publishMany(many, { signal: stop.signal });
    expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(1000);
    expect(new Set(outcomes.slice(1000).map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1001);
    expect(outcomes[2000]).toMatchObject({ ok: false, code: 'unreachable', detail: 'enough' });
    expect(started.calls).toHaveLength(2);
    await expect(started.backend.publishMany(many, { signal: stop.signal })).rejects.toThrow('enough');
  });

  it('makes calls of at most 1,000 messages and 16 MiB, and none for no message', async () => {
    const all: Answer = (response, { body }) => {
      const results = keysOf(body).map((_, index) => ok('a', `${index}-0`));
      response.writeHead(202).end(JSON.stringify({ results }));
    };
    await using started = await backendOf([all, all, all, all]);
    const small = Array.from({ length: 1001 }, () => ({ topics: ['a'], data: 1 }));
    expect((await started.backend.publishMany(small)).slice(-2)).toEqual([ok('a', '999-0'), ok('a', '0-0')]);
    const large = 'x'.repeat(60_000);
    await started.backend.publishMany(Array.from({ length: 300 }, () => ({ topics: ['a'], data: large })));
    expect(await started.backend.publishMany([])).toEqual([]);
    expect(started.calls.every(({ body }) => body.length < 16 * 1024 * 1024)).toBe(true);
    expect(started.calls.map(({ body }) => keysOf(body).length)).toEqual([1000, 1, 278, 22]);
  });
});
