import { drainResponse, edgesResponse } from '@holdfast/protocol/rest/edges';
import { systemFacts } from '@holdfast/service/system-facts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestApi, expectBody, startTestApi } from '../testing/api.ts';
import { startTestEdge } from '../testing/edge.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

describe('GET /v1/edges', () => {
  test('answers 200 with every live edge, draining ones too, and none that is dead', async () => {
    const read = async () => expectBody(await api.call('GET', '/v1/edges', { key: 'news' }), 200, edgesResponse).edges;
    expect(await read()).toEqual([]);
    const busy = await startTestEdge(api, { connections: 3, maxConnections: 10, draining: true });
    const dead = await startTestEdge(api);
    await dead.die();
    expect(await read()).toMatchObject([
      { id: busy.id, url: busy.url, connections: 3, maxConnections: 10, draining: true },
    ]);
    for (const edge of [busy, dead]) edge.stop();
  });

  test('answers 403 key-missing without a key and not-permitted to a key that manages nothing', async () => {
    expect(await api.call('GET', '/v1/edges')).toBeProblem(403, 'key-missing');
    expect(await api.call('GET', '/v1/edges', { key: 'readers' })).toBeProblem(403, 'not-permitted');
  });
});

const listed = async (edge: { id: string }) => {
  const { edges } = expectBody(await api.call('GET', '/v1/edges', { key: 'all' }), 200, edgesResponse);
  return edges.find(({ id }) => id === edge.id);
};

describe('an edge in the list', () => {
  test('has what it reports of itself, its load with it', async () => {
    const load = {
      host: 'a-host',
      cores: 2,
      cpu: 0.5,
      eventLoopUtilization: 0.4,
      rssBytes: 200_000_000,
      availableBytes: 1_000_000_000,
      messagesPerSecond: 100,
      deliveriesPerSecond: 20_000,
      lostAnnounced: 2,
      refusals: 7,
      probeLatencyMs: 0.6,
      clockDifferenceMs: -3,
    };
    const system = { ...systemFacts(() => ''), maxOpenFiles: 1000 };
    const facts = { version: '1.2.3', pid: 4, worker: true, heartbeatMs: 25_000, origins: 'any', system } as const;
    const edge = await startTestEdge(api, { load, facts, leaving: false });
    const { system: _, ...shown } = facts;
    expect(await listed(edge)).toMatchObject({ id: edge.id, ...shown, maxOpenFiles: 1000, leaving: false, load });
    await edge.die();
    edge.stop();
  });

  test('of an earlier version has no more than it reports', async () => {
    const edge = await startTestEdge(api);
    expect(Object.keys((await listed(edge)) ?? {}).toSorted()).toEqual([
      'connections',
      'draining',
      'id',
      'load',
      'maxConnections',
      'startedAt',
      'url',
    ]);
    expect(await listed(edge)).toMatchObject({ load: null });
    await edge.die();
    edge.stop();
  });
});

describe('POST /v1/edges/{edge}/drain and /undrain', () => {
  test('answer 202, and the edge gets the request with its next renewal', async () => {
    const edge = await startTestEdge(api);
    for (const [call, draining] of [
      ['drain', true],
      ['undrain', false],
    ] as const) {
      const answer = await api.call('POST', `/v1/edges/${edge.id}/${call}`, { key: 'news' });
      expect(expectBody(answer, 202, drainResponse)).toEqual({ id: edge.id, draining });
      expect(await edge.drainRequest()).toMatchObject({ drain: draining });
    }
    expect(api.log.linesWith('audit')).toMatchObject([
      { key: 'news', action: 'drain-edge', edge: edge.id, outcome: 'done' },
      { key: 'news', action: 'undrain-edge', edge: edge.id, outcome: 'done' },
    ]);
    await edge.die();
    edge.stop();
  });

  test('undrain says that an edge whose process ends goes on to drain', async () => {
    const edge = await startTestEdge(api, { draining: true, leaving: true });
    const answer = await api.call('POST', `/v1/edges/${edge.id}/undrain`, { key: 'all' });
    expect(expectBody(answer, 202, drainResponse)).toEqual({ id: edge.id, draining: true });
    await edge.die();
    edge.stop();
  });

  test.each(['drain', 'undrain'])(
    '%s answers 404 edge-not-found, 400 for what is no id, and 403 to a key that manages nothing',
    async (call) => {
      const edge = await startTestEdge(api);
      expect(await api.call('POST', `/v1/edges/${edge.id}/${call}`, { key: 'readers' })).toBeProblem(
        403,
        'not-permitted',
      );
      expect(await edge.drainRequest()).toEqual({ drain: false, at: 0 });
      await edge.die();
      edge.stop();
      const path = `/v1/edges/${edge.id}/${call}`;
      expect(await api.call('POST', path, { key: 'all' })).toBeProblem(404, 'edge-not-found');
      expect(await api.call('POST', `/v1/edges/a%20b/${call}`, { key: 'all' })).toBeProblem(400, 'invalid-request', {
        errors: [{ field: 'path.edge', rule: 'must be the id of an edge' }],
      });
    },
  );

  test('answer 404 for an edge of a version that does not know of it, and say so', async () => {
    const key = `${api.prefix}edge:{old}`;
    await api.redis.commands.eval(`redis.call('HSET', KEYS[1], 'id', 'old', 'url', 'ws://old')`, 1, key);
    const answer = await api.call('POST', '/v1/edges/old/drain', { key: 'all' });
    expect(answer).toBeProblem(404, 'edge-not-found', { detail: expect.stringContaining('SIGTERM only') as string });
  });
});
