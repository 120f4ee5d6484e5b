import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { createBackend } from '@holdfast/server';
import { describe, expect, it } from 'vitest';
import { startBackend } from './backend.ts';

/**
 * Stands before control-api, and passes every request on; of each call it keeps the first answer to itself, as a network
 * does that breaks in the wrong moment. `await using` it.
 */
async function startLossyProxy(target: string) {
  const answered = new Set<string>();
  let lost = 0;
  const server = createServer((request, response) => {
    void (async () => {
      const body = await buffer(request);
      const headers = Object.fromEntries(
        ['x-api-key', 'content-type', 'idempotency-key'].flatMap((name) => {
          const value = request.headers[name];
          return typeof value === 'string' ? [[name, value]] : [];
        }),
      );
      const { method = '', url = '' } = request;
      const init: RequestInit = { method, headers };
      if (body.length > 0) init.body = new Uint8Array(body);
      const answer = await fetch(target + url, init);
      const text = await answer.text();
      const call = `${method} ${url}`;
      if (answered.has(call)) {
        response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(text);
        return;
      }
      answered.add(call);
      lost += 1;
      response.destroy();
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lost: () => lost,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('the package for backends, where first answers get lost', () => {
  it('publishes once, registers once, and forgets what is gone', async () => {
    await using installed = await startBackend({ edges: 1 });
    const { controlUrl, key } = installed.installation;
    await using proxy = await startLossyProxy(controlUrl);
    const backend = createBackend({ controlUrl: proxy.url, key });
    await backend.createTopic('news');
    const { id } = await backend.publish('news', 'one');
    const outcomes = await backend.publishMany([
      { topics: ['news'], data: 'two' },
      { topics: ['no.such.topic'], data: 'three' },
    ]);
    expect(outcomes).toMatchObject([{ ok: true }, { ok: false, code: 'topic-not-found' }]);
    const log = await installed.call<{ messages: { id: string; data: unknown }[] }>('GET', '/v1/topics/news/messages');
    expect(log.body.messages).toEqual([
      { id, data: 'one' },
      { id: outcomes[0]?.ids['news'], data: 'two' },
    ]);

    const client = await backend.register({ name: 'screen', user: 'ann', topics: ['news'] });
    await backend.publishToUser('ann', 'hello');
    const { body } = await installed.call<{ clients: { clientId: string }[] }>('GET', '/v1/clients?user=ann');
    expect(body.clients).toMatchObject([{ clientId: client.clientId, name: 'screen', topics: ['news'] }]);
    await backend.unregister(client.clientId);
    await backend.deleteTopic('news');
    await expect(backend.deleteTopic('news')).rejects.toMatchObject({ code: 'topic-not-found', status: 404 });
    expect(proxy.lost()).toBe(7);
  });
});
