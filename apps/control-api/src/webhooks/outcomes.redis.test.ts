import { eventually } from '@holdfast/testkit/eventually';
import { describe, expect, test } from 'vitest';
import { type Answering, type TakenEvent, answers, startReceiver, takes } from '../testing/webhook-receiver.ts';
import { type TestWebhooksOptions, endpointOf, openEvents, startTestWebhooks } from '../testing/webhooks.ts';

/** One endpoint, whose receiver answers like that. */
async function start(answering: Answering, options: TestWebhooksOptions = {}, batch?: { size: number; ms: number }) {
  const events = await openEvents();
  const receiver = await startReceiver(answering);
  const endpoint = endpointOf(receiver, 'backend', batch === undefined ? {} : { batch });
  const webhooks = await startTestWebhooks(events, [endpoint], options);
  const summary = async () => (await webhooks.list())[0];
  const metric = async (name: string) =>
    (await webhooks.metrics.text()).body
      .split('\n')
      .filter((line) => line.startsWith(`holdfast_webhook_${name}`))
      .map((line) => line.replace('holdfast_webhook_', '').replace(',service="control-api"', ''));
  return { events, endpoint, receiver, webhooks, summary, metric };
}

const numbers = (taken: readonly TakenEvent[]): number[] => taken.map(({ data }) => Number(data['n']));
const sorted = (taken: readonly TakenEvent[]): number[] => numbers(taken).toSorted((one, other) => one - other);
const arrived = ({ body }: { body: string }) => (JSON.parse(body) as TakenEvent).data['n'];

describe('an endpoint that fails', () => {
  test('gets the same request again under the same id, until it takes it; then what came meanwhile, in order', async () => {
    const { events, receiver, webhooks, summary, metric } = await start(answers(500));
    for (const n of [0, 1, 2]) await events.ofTopic('a', 'topic.occupied', { n });
    await eventually(() => expect(receiver.received.length).toBeGreaterThanOrEqual(3));
    await eventually(async () =>
      expect(await summary()).toMatchObject({
        state: 'failing',
        delivered: 0,
        lastDeliveredAt: null,
        lastError: { outcome: 'refused', status: 500, message: 'answered 500' },
      }),
    );
    receiver.answer(takes);
    await eventually(() => expect(numbers(receiver.taken)).toEqual([0, 1, 2]));
    const [first, ...others] = receiver.received.filter((request) => arrived(request) === 0);
    for (const { id, body } of others) expect({ id, body }).toEqual({ id: first?.id, body: first?.body });
    await eventually(async () => expect(await summary()).toMatchObject({ state: 'active', delivered: 3, dropped: 0 }));
    expect(await events.broker.readDeliveries('backend')).toEqual(new Map());
    expect(webhooks.log.linesWith('the endpoint takes no webhook')).toHaveLength(1);
    expect(webhooks.log.linesWith('the endpoint takes webhooks again')).toHaveLength(1);
    const failed = receiver.received.length - 3;
    expect(await metric('deliveries_total{')).toEqual(
      expect.arrayContaining([
        `deliveries_total{endpoint="backend",outcome="refused"} ${failed}`,
        'deliveries_total{endpoint="backend",outcome="delivered"} 3',
      ]),
    );
    expect(await metric('retries_total{')).toEqual([`retries_total{endpoint="backend"} ${failed}`]);
    expect(await metric('events_delivered_total{')).toEqual(['events_delivered_total{endpoint="backend"} 3']);
  });

  test('with batches gets the same batch again, byte for byte', async () => {
    const { events, receiver } = await start(answers(503), {}, { size: 10, ms: 50 });
    for (const n of [0, 1, 2, 3]) await events.ofTopic(`topic-${n}`, 'topic.occupied', { n });
    await eventually(() => expect(receiver.received.length).toBeGreaterThanOrEqual(3));
    receiver.answer(takes);
    await eventually(() => expect(sorted(receiver.taken)).toEqual([0, 1, 2, 3]));
    const bodies = new Map(receiver.received.map(({ id, body }) => [id, body]));
    for (const { id, body } of receiver.received) expect(body).toBe(bodies.get(id));
    expect(new Set(bodies.values()).size).toBe(bodies.size);
  });

  test('without an end is disabled when its time is over, and told; enabled, it goes on where it was', async () => {
    const { events, receiver, webhooks, summary, metric } = await start(answers(500), { retries: { giveUpMs: 200 } });
    for (const n of [0, 1]) await events.ofTopic('a', 'topic.occupied', { n });
    await eventually(async () =>
      expect(await summary()).toMatchObject({ state: 'disabled', disabledReason: 'failing', delivered: 0 }),
    );
    expect(webhooks.log.linesWith('the endpoint of webhooks is disabled')).toMatchObject([
      { level: 'error', endpoint: 'backend', reason: 'failing' },
    ]);
    await eventually(async () => expect(await metric('endpoints_disabled')).toEqual([expect.stringMatching(/ 1$/)]));
    const requests = receiver.received.length;
    receiver.answer(takes);
    await events.ofTopic('a', 'topic.occupied', { n: 2 });
    await events.ofTopic('b', 'topic.occupied', { n: 3 });
    // A renewal of the lease, and a sweep of all partitions.
    await eventually(async () => expect((await summary())?.lagSeconds).toBeGreaterThan(2));
    expect(receiver.received).toHaveLength(requests);
    expect(await webhooks.enable('backend')).toBe(true);
    await eventually(() => expect(sorted(receiver.taken)).toEqual([0, 1, 2, 3]));
    await eventually(async () =>
      expect(await summary()).toMatchObject({ state: 'active', disabledReason: null, disabledAt: null, lagSeconds: 0 }),
    );
    expect(await webhooks.enable('nowhere')).toBe(false);
  });
});

describe('an endpoint that does not answer', () => {
  test('in time gets the request again', async () => {
    const { events, receiver, summary } = await start(() => undefined, { timeoutMs: 100 });
    await events.ofTopic('a', 'topic.occupied', { n: 0 });
    await eventually(async () =>
      expect(await summary()).toMatchObject({ lastError: { outcome: 'time-out', status: null } }),
    );
    receiver.answer(takes);
    await eventually(() => expect(numbers(receiver.taken)).toEqual([0]));
  });

  test('to its end in time gets the request again', async () => {
    const { events, receiver, summary } = await start(
      (_, response) => {
        response.writeHead(200);
        response.write('it never ends');
      },
      { timeoutMs: 100 },
    );
    await events.ofTopic('a', 'topic.occupied', { n: 0 });
    await eventually(async () => expect(await summary()).toMatchObject({ lastError: { outcome: 'time-out' } }));
    receiver.answer(takes);
    await eventually(() => expect(numbers(receiver.taken)).toContain(0));
  });

  test('because nothing listens there is unreachable', async () => {
    const { events, receiver, summary } = await start(takes);
    await receiver.stop();
    await events.ofTopic('a', 'topic.occupied', { n: 0 });
    await eventually(async () => expect(await summary()).toMatchObject({ lastError: { outcome: 'unreachable' } }));
  });

  test('and breaks the connection gets the request again', async () => {
    const { events, receiver, summary } = await start((_, response) => response.destroy());
    await events.ofTopic('a', 'topic.occupied', { n: 0 });
    await eventually(async () => expect(await summary()).toMatchObject({ lastError: { outcome: 'unreachable' } }));
    receiver.answer(takes);
    await eventually(() => expect(numbers(receiver.taken)).toEqual([0]));
  });
});

test('410 disables an endpoint at once', async () => {
  const { events, receiver, webhooks, summary } = await start(answers(410));
  for (const n of [0, 1, 2]) await events.ofTopic('a', 'topic.occupied', { n });
  await eventually(async () =>
    expect(await summary()).toMatchObject({ state: 'disabled', disabledReason: 'gone', lastError: { status: 410 } }),
  );
  receiver.answer(takes);
  expect(receiver.received).toHaveLength(1);
  await webhooks.enable('backend');
  await eventually(() => expect(numbers(receiver.taken)).toEqual([0, 1, 2]));
});

test.each([301, 302, 307, 308])('a redirect (%i) is a failure, and is not followed', async (status) => {
  const elsewhere = await startReceiver();
  const { events, receiver, summary } = await start(answers(status, { location: elsewhere.url }));
  await events.ofTopic('a', 'topic.occupied', { n: 0 });
  await eventually(async () =>
    expect(await summary()).toMatchObject({
      lastError: { outcome: 'refused', status, message: expect.stringContaining('redirects') as string },
    }),
  );
  receiver.answer(takes);
  await eventually(() => expect(numbers(receiver.taken)).toEqual([0]));
  expect(elsewhere.received).toEqual([]);
});

describe('Retry-After', () => {
  test.each([
    ['in seconds', 429, () => '2'],
    ['as a date', 503, () => new Date(Date.now() + 2_500).toUTCString()],
  ])('%s holds all requests to the endpoint until then', async (_, status, header) => {
    let refused = Infinity;
    const { events, receiver, summary } = await start((request, response) => {
      refused = performance.now();
      answers(status, { 'retry-after': header() })(request, response);
    });
    const times: number[] = [];
    await events.ofTopic('a', 'topic.occupied', { n: 0 });
    await eventually(async () => expect(await summary()).toMatchObject({ state: 'paused' }));
    receiver.answer((request, response) => {
      times.push(performance.now());
      takes(request, response);
    });
    for (const n of [1, 2, 3]) await events.ofTopic(`topic-${n}`, 'topic.occupied', { n });
    await eventually(() => expect(sorted(receiver.taken)).toEqual([0, 1, 2, 3]));
    expect(Math.min(...times) - refused).toBeGreaterThan(1_000);
    await eventually(async () => expect(await summary()).toMatchObject({ state: 'active', pausedUntil: null }));
  });
});

test('a large answer does no harm', async () => {
  const { events, receiver } = await start((_, response) => {
    response.writeHead(200);
    response.write(Buffer.alloc(60 * 1024));
    response.end(Buffer.alloc(10 * 1024 * 1024));
  });
  for (const n of [0, 1, 2]) await events.ofTopic('a', 'topic.occupied', { n });
  await eventually(() => expect(numbers(receiver.taken)).toEqual([0, 1, 2]));
});
