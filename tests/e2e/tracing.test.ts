import { randomBytes } from 'node:crypto';
import { type Service, logEntry } from '@holdfast/local/services';
import { createKey } from '@holdfast/keys-file/keys-file';
import { eventually } from '@holdfast/testkit/eventually';
import { startPrivateRedis } from '@holdfast/testkit/redis-process';
import { call } from '@holdfast/testkit/rest';
import { type CollectedSpan, startTraceCollector } from '@holdfast/testkit/trace-collector';
import { Redis } from 'ioredis';
import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { type Backend, startBackend } from './backend.ts';

const SERVER = 2;
const PRODUCER = 4;
const CONSUMER = 5;

/** Nothing listens there; waited for no longer than a second. */
const AWAY = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_EXPORTER_OTLP_TIMEOUT: '1000' };

/** Spans are sent every few seconds, and not each message is missed. */
const MISSED = { timeoutMs: 40_000 };

const hex = (bytes: number): string => randomBytes(bytes).toString('hex');

/** The headers of a caller that traces what it does. */
function caller(sampled = true) {
  const [traceId, spanId] = [hex(16), hex(8)];
  return { traceId, spanId, headers: { traceparent: `00-${traceId}-${spanId}-0${sampled ? 1 : 0}` } };
}

function logged(backend: Backend) {
  return backend.installation.controls.flatMap((control) => control.lines().flatMap((line) => [logEntry(line) ?? {}]));
}

async function publish(backend: Backend, path: string, data: unknown, headers: Record<string, string> = {}) {
  const answer = await backend.call<{ id: string }>('POST', path, { body: data, headers });
  expect(answer.status).toBe(202);
  return answer.body.id;
}

/** As own-provider.ts prints them. */
const spansOf = (services: readonly Service[]): unknown[] =>
  services.flatMap((service) =>
    service
      .lines()
      .map((line) => logEntry(line)?.['span'] ?? [])
      .flat(),
  );

const only = (spans: readonly CollectedSpan[]): CollectedSpan => {
  expect(spans).toHaveLength(1);
  const [span] = spans;
  if (span === undefined) throw new Error('no span');
  return span;
};

describe('with a collector', () => {
  it('the trace of a publish goes from the caller through control-api to every edge, and not to clients', async () => {
    await using collector = await startTraceCollector();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, LOG_LEVEL: 'debug' };
    await using backend = await startBackend({ env });
    await backend.topic('orders.eu');
    const sockets = [];
    for (const edge of [0, 0, 1]) {
      const socket = await backend.connect(await backend.register(['orders.eu']), { edge });
      await socket.next('welcome');
      sockets.push(socket);
    }
    const { traceId, spanId, headers } = caller();
    const id = await publish(backend, '/v1/topics/orders.eu/messages', { n: 1 }, headers);
    for (const socket of sockets) {
      const message = await socket.next('message');
      expect(message).toEqual({ type: 'message', topic: 'orders.eu', id, prev: message['prev'], data: { n: 1 } });
    }

    await eventually(() => {
      expect(collector.named('deliver orders.eu')).toHaveLength(2);
      expect(collector.named('publish orders.eu')).toHaveLength(1);
    });
    const published = only(collector.named('publish orders.eu'));
    expect(published).toMatchObject({ traceId, parentSpanId: spanId, kind: PRODUCER, failed: false });
    expect(published.attributes).toMatchObject({
      'messaging.system': 'holdfast',
      'messaging.destination.name': 'orders.eu',
      'messaging.message.id': id,
      'messaging.message.body.size': 7,
      'holdfast.outcome': 'published',
    });
    expect(published.resource).toMatchObject({ 'service.name': 'control-api', 'service.namespace': 'holdfast' });
    const delivered = collector.named('deliver orders.eu');
    for (const span of delivered) {
      expect(span).toMatchObject({ traceId, parentSpanId: published.spanId, kind: CONSUMER });
      expect(span.links).toEqual([{ traceId, spanId: published.spanId }]);
      expect(span.attributes).toMatchObject({ 'messaging.message.id': id, 'holdfast.caught_up': false });
      expect(span.attributes['holdfast.edge']).toBe(span.resource['service.instance.id']);
      expect(span.end).toBeGreaterThanOrEqual(span.start);
    }
    expect(new Set(delivered.map(({ attributes }) => attributes['holdfast.receivers']))).toEqual(new Set([1, 2]));
    await eventually(() => {
      const calls = logged(backend).filter(({ traceId: found }) => found === traceId);
      expect(calls).toMatchObject([{ msg: 'call', route: '/v1/topics/:topic/messages' }]);
    });
  });

  it('a batch, a message to a client and one to a user are one trace each, and a client is named nowhere', async () => {
    await using collector = await startTraceCollector();
    await using backend = await startBackend({ edges: 1, env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } });
    await backend.topic('a');
    await backend.topic('b');
    const registered = await backend.call<{ clientId: string }>('POST', '/v1/clients', {
      body: { user: 'ann', topics: ['a', 'b'] },
    });
    const { clientId } = registered.body;
    const socket = await backend.connect(clientId);
    await socket.next('welcome');

    const batch = { messages: ['a', 'b', 'none'].map((topic) => ({ topics: [topic], data: 1 })) };
    expect((await backend.call('POST', '/v1/messages', { body: batch })).status).toBe(202);
    await publish(backend, `/v1/clients/${clientId}/messages`, 'to the client');
    await publish(backend, '/v1/users/ann/messages', 'to the user');

    await eventually(() => {
      const names = collector.spans.map(({ name }) => name).filter((name) => name !== 'claim');
      const delivered = ['deliver @me', 'deliver @user', 'deliver a', 'deliver b'];
      expect(names.toSorted()).toEqual([...delivered, 'publish', 'publish @me', 'publish @user']);
    });
    const published = only(collector.named('publish'));
    expect(published.attributes).toMatchObject({ 'messaging.batch.message_count': 3, 'holdfast.failed': 1 });
    for (const name of ['a', 'b']) {
      expect(only(collector.named(`deliver ${name}`)).parentSpanId).toBe(published.spanId);
    }
    for (const name of ['@me', '@user']) {
      expect(only(collector.named(`deliver ${name}`)).parentSpanId).toBe(
        only(collector.named(`publish ${name}`)).spanId,
      );
    }
    const sent = JSON.stringify(collector.spans, (_, value: unknown) =>
      typeof value === 'bigint' ? `${value}` : value,
    );
    expect(sent).not.toContain(clientId);
    expect(sent).not.toContain('to the client');
  });

  it('a message that an edge missed is delivered in the trace of its publish, from the log', async () => {
    await using collector = await startTraceCollector();
    await using stack = new AsyncDisposableStack();
    const redis = await startPrivateRedis();
    stack.defer(() => redis.stop());
    const direct = new Redis(redis.url);
    stack.defer(() => direct.disconnect());
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    const backend = stack.use(await startBackend({ edges: 1, redis, env }));
    await backend.topic('a');
    const socket = await backend.connect(await backend.register(['a']));
    await socket.next('welcome');
    await eventually(async () => {
      await direct.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      const id = await publish(backend, '/v1/topics/a/messages', 1);
      await socket.next(({ id: found }) => found === id);
      let delivered: CollectedSpan | undefined;
      await eventually(() => {
        const spans = collector.named('deliver a');
        delivered = spans.find(({ attributes }) => attributes['messaging.message.id'] === id);
        expect(delivered).toBeDefined();
      });
      // The edge may have been back before the message came: then another is to be missed.
      expect(delivered?.attributes['holdfast.caught_up']).toBe(true);
    }, MISSED);
  });

  it('a handshake is a claim, and with a resume the two are one trace', async () => {
    await using collector = await startTraceCollector();
    await using backend = await startBackend({ edges: 1, env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } });
    await backend.topic('a');
    const clientId = await backend.register(['a']);
    const { traceId, headers } = caller();
    const socket = await backend.connect(clientId, { resume: true, headers });
    socket.send({ type: 'resume', positions: {} });
    await socket.next('welcome');
    await eventually(() => {
      expect(collector.named('claim')).toHaveLength(1);
      expect(collector.named('resume')).toHaveLength(1);
    });
    const claim = only(collector.named('claim'));
    expect(claim.kind).toBe(SERVER);
    // Anybody may shake hands, and say that it is traced.
    expect(claim.traceId).not.toBe(traceId);
    expect(only(collector.named('resume'))).toMatchObject({ traceId: claim.traceId, parentSpanId: claim.spanId });
  });

  it('the sampler decides where the caller does not', async () => {
    await using collector = await startTraceCollector();
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0',
      OTEL_SERVICE_NAME: 'shop-push',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=shop',
    };
    await using backend = await startBackend({ edges: 1, env });
    await backend.topic('a');
    const socket = await backend.connect(await backend.register(['a']));
    await socket.next('welcome');
    await publish(backend, '/v1/topics/a/messages', 1);
    await publish(backend, '/v1/topics/a/messages', 2, caller(false).headers);
    const { traceId, headers } = caller();
    await publish(backend, '/v1/topics/a/messages', 3, headers);
    await eventually(() => expect(collector.named('deliver a')).toHaveLength(1));
    // The last spans are sent when a process ends.
    await backend.installation.stop();
    expect(collector.spans.map(({ name }) => name).toSorted()).toEqual(['deliver a', 'publish a']);
    for (const span of collector.spans) {
      expect(span.traceId).toBe(traceId);
      expect(span.resource['service.name']).toBe('shop-push');
    }
    expect(collector.headers()['x-tenant']).toBe('shop');
  });

  it('a caller with a token does not override the sampler', async () => {
    await using collector = await startTraceCollector();
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0',
    };
    await using backend = await startBackend({ edges: 1, env });
    await backend.topic('a');
    const secret = hex(32);
    await createKey(backend.installation.keysFile, {
      id: 'pages',
      can: { publish: ['a'] },
      tokens: { alg: 'HS256', secret },
    });
    const token = await new SignJWT({ aud: 'holdfast', hf: { may: { publish: ['a'] } } })
      .setProtectedHeader({ alg: 'HS256', kid: 'pages' })
      .setSubject('eve')
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(new TextEncoder().encode(secret));
    const { headers } = caller();
    const { controlUrl } = backend.installation;
    const withToken = { ...headers, authorization: `Bearer ${token}` };
    await eventually(async () => {
      const answer = await call(controlUrl, 'POST', '/v1/topics/a/messages', { body: 1, headers: withToken });
      expect(answer.status).toBe(202);
    });
    await publish(backend, '/v1/topics/a/messages', 2, headers);
    await backend.installation.stop();
    expect(collector.spans.map(({ name }) => name)).toEqual(['publish a']);
  });

  it('the last spans are sent when the process ends, and a collector that is away ends nothing', async () => {
    await using collector = await startTraceCollector();
    await using backend = await startBackend({ edges: 1, env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } });
    await backend.topic('a');
    await publish(backend, '/v1/topics/a/messages', 1);
    await Promise.all(backend.installation.controls.map((control) => control.stop()));
    expect(collector.named('publish a')).toHaveLength(1);

    await using lost = await startBackend({ edges: 1, env: AWAY });
    await lost.topic('a');
    for (let n = 0; n < 3; n += 1) await publish(lost, '/v1/topics/a/messages', n);
    await eventually(() => expect(logged(lost).map(({ msg }) => msg)).toContain('traces are not exported'));
    const exits = await Promise.all(lost.installation.controls.map((control) => control.stop()));
    expect(exits).toEqual([{ code: 0, signal: null }]);
  });
});

it('a provider that was brought by --import makes the spans, in place of the exporter', async () => {
  await using collector = await startTraceCollector();
  const provider = new URL('own-provider.ts', import.meta.url).href;
  const env = { NODE_OPTIONS: `--import=${provider}`, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
  await using backend = await startBackend({ edges: 1, env });
  await backend.topic('a');
  const socket = await backend.connect(await backend.register(['a']));
  await socket.next('welcome');
  await publish(backend, '/v1/topics/a/messages', 1);
  await eventually(() => {
    expect(spansOf(backend.installation.controls)).toEqual(['publish a']);
    expect(spansOf(backend.installation.edges)).toEqual(['claim', 'deliver a']);
  });
  await backend.installation.stop();
  expect(collector.spans).toEqual([]);
});
