import { connectionName } from '@holdfast/broker/client-state';
import { pastConnectionsResponse } from '@holdfast/protocol/rest/clients';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type KeyName, type TestApi, expectBody, startTestApi } from '../testing/api.ts';
import { startTestEdge } from '../testing/edge.ts';

let api: TestApi;

beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

function read(client: string, key: KeyName = 'all') {
  return api.call('GET', `/v1/clients/${client}/connections`, { key });
}

describe('past connections', () => {
  test('are those that ended, latest first, with how; what only its edge knows is null when another noted it', async () => {
    const edge = await startTestEdge(api);
    const client = await api.client();
    expect(expectBody(await read(client), 200, pastConnectionsResponse).connections).toEqual([]);
    const first = await edge.hold(client);
    const second = await edge.hold(client);
    const end = {
      openedMs: 1,
      reached: {},
      reachedCut: false,
      upTo: null,
      inbox: null,
      doubtfulMs: 0,
      follows: 0,
      resumed: true,
      unnamed: [],
      stated: [],
      lost: [{ topic: 'news', after: '1-0', position: '2-0' }],
      cut: false,
    };
    const to = Date.now() + 60_000;
    const past = {
      generation: second,
      edge: edge.id,
      connection: connectionName(second),
      to,
      reason: 'slow',
      end,
    } as const;
    await edge.broker.notePast(client, {
      generation: first,
      edge: edge.id,
      connection: connectionName(first),
      to: Date.now(),
      reason: 'edge-died',
      end: null,
    });
    await edge.broker.notePast(client, past);
    const { connections } = expectBody(await read(client), 200, pastConnectionsResponse);
    expect(connections).toMatchObject([
      {
        connection: `${edge.id}-${connectionName(second)}`,
        edge: edge.id,
        from: new Date(Math.floor(second / 1000)).toISOString(),
        to: new Date(to).toISOString(),
        reason: 'slow',
        resumed: true,
        lost: 1,
      },
      { connection: `${edge.id}-${connectionName(first)}`, reason: 'edge-died', resumed: null, lost: null },
    ]);
    edge.stop();
  });

  test('are shown for own clients, by ref as well, and with "**" for all', async () => {
    const client = await api.client({ key: 'news' });
    const [ref = ''] = await api.broker.refsOf([client]);
    expect((await read(ref, 'news')).status).toBe(200);
    const others = await api.client({ key: 'all' });
    expect(await read(others, 'news')).toBeProblem(403, 'not-permitted');
    expect(await read(client, 'readers')).toBeProblem(403, 'not-permitted');
    expect(await read('0123456789abcdef')).toBeProblem(404, 'client-not-found');
  });
});
