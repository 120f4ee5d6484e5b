import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, startBackend } from './backend.ts';

describe('the whole path', () => {
  let backend: Backend & AsyncDisposable;
  beforeAll(async () => {
    backend = await startBackend();
  });
  afterAll(() => backend[Symbol.asyncDispose]());

  it('registers, subscribes, connects to either edge, publishes, and receives byte for byte', async () => {
    await backend.topic('path.news');
    const clientId = await backend.register([]);
    const first = await backend.connect(clientId, { edge: 0 });
    await first.next('welcome');
    const subscribed = await backend.call('POST', `/v1/clients/${clientId}/topics`, { body: { topics: 'path.news' } });
    expect(subscribed.status).toBe(202);
    expect(subscribed.body).toEqual({ clientId, topics: ['path.news'], connected: true });
    await first.next('subscribed');

    const payload = '{ "n": 1.0, "big": 12345678901234567890, "text": "\\u00e9 é \\/ 🐝" }';
    const answer = await backend.call('POST', '/v1/topics/path.news/messages', { rawBody: payload });
    expect(answer.status).toBe(202);
    const id = String(answer.body['id']);
    await first.next('message');
    expect(first.texts.at(-1)).toBe(`{"type":"message","topic":"path.news","id":"${id}","data":${payload}}`);

    const second = await backend.connect(clientId, { edge: 1 });
    await second.next('welcome');
    expect(await first.closed).toMatchObject({ code: 4409 });
    const next = await backend.publish('path.news', 2);
    expect(await second.next('message')).toEqual({ type: 'message', topic: 'path.news', id: next, data: 2 });
  });

  it('hands out a URL that works as it is', async () => {
    const registered = await backend.call<{ clientId: string; connect: { url: string; urls: string[] } }>(
      'POST',
      '/v1/clients',
      { body: {} },
    );
    expect(registered.body.connect.urls.toSorted()).toEqual([...backend.installation.edgeUrls].toSorted());
    expect(registered.body.connect.urls).toContain(registered.body.connect.url);
  });

  it('says truthfully what a client wants and what its edge serves', async () => {
    await backend.topic('path.seen');
    const clientId = await backend.register(['path.seen']);
    const before = await backend.call('GET', `/v1/clients/${clientId}`);
    expect(before.body).toMatchObject({
      clientId,
      key: 'local',
      topics: ['path.seen'],
      connected: false,
      served: null,
    });
    const socket = await backend.connect(clientId, { edge: 1 });
    const welcome = await socket.next('welcome');
    const id = await backend.publish('path.seen', 'x');
    await socket.next('message');
    const edges = await backend.call<{ edges: { id: string; url: string }[] }>('GET', '/v1/edges');
    const edge = edges.body.edges.find(({ url }) => url === backend.installation.edgeUrls[1]);
    const during = await backend.call('GET', `/v1/clients/${clientId}`);
    expect(during.body).toMatchObject({
      connected: true,
      edge: edge?.id,
      connection: welcome['connection'],
      served: { 'path.seen': { position: id } },
    });
    const topic = await backend.call('GET', '/v1/topics/path.seen');
    expect(topic.body).toMatchObject({ topic: 'path.seen', position: id, subscribers: 1 });
  });

  it('delivers to one client alone on @me, with positions and resume', async () => {
    const one = await backend.register([]);
    const other = await backend.register([]);
    const [ours, theirs] = [await backend.connect(one), await backend.connect(other)];
    const welcome = await ours.next('welcome');
    await theirs.next('welcome');
    const send = async (data: unknown) => {
      const answer = await backend.call('POST', `/v1/clients/${one}/messages`, { body: data });
      expect(answer).toMatchObject({ status: 202, body: { topic: '@me' } });
      return String(answer.body['id']);
    };
    const id = await send('first');
    expect(await ours.next('message')).toEqual({ type: 'message', topic: '@me', id, data: 'first' });
    await ours.close();
    const missed = [await send('second'), await send('third')];
    const again = await backend.connect(one, { edge: 1, resume: true });
    again.send({ type: 'resume', positions: { '@me': id } });
    expect(await again.next('welcome')).toMatchObject({ topics: { '@me': { position: id, recovered: true } } });
    expect([(await again.next('message'))['id'], (await again.next('message'))['id']]).toEqual(missed);
    expect(welcome['topics']).toHaveProperty('@me');
    expect(theirs.frames.filter((frame) => frame.type === 'message')).toEqual([]);
  });
});
