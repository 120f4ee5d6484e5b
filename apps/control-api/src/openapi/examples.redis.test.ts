import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKey } from '@holdfast/keys-file/keys-file';
import { FULL_RIGHTS } from '@holdfast/local/installation';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestApi, startApiOn } from '../testing/api.ts';
import { OPERATIONS } from './operations.ts';

interface Operation {
  operationId: string;
  parameters?: { name: string; in: string; required?: boolean; example?: unknown }[];
  requestBody?: { required: boolean; content: Record<string, { examples?: Record<string, { value: unknown }> }> };
}

interface Called extends Operation {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
}

/** What each needs is different on each installation, or it is signed. */
const WITHOUT_EXAMPLE = [
  'explain',
  'drainEdge',
  'undrainEdge',
  'testWebhook',
  'replayWebhook',
  'enableWebhook',
  'triggerEvent',
  'triggerEvents',
  'listChannels',
  'readChannel',
  'listChannelUsers',
  'countConnections',
  'terminateUserConnections',
];

let folder: string;
let api: TestApi;
let key: string;
let calls: Called[];

/** As npm start has it: one key with full rights, no topic, no client. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-examples-'));
  const file = join(folder, 'api-keys.json');
  key = (await createKey(file, { id: 'local', can: FULL_RIGHTS })).presented;
  api = await startApiOn(file);
  const { body } = await api.call('GET', '/openapi.json');
  const paths = body['paths'] as Record<string, Record<string, Operation>>;
  calls = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      ...operation,
      method: method.toUpperCase() as Called['method'],
      path,
    })),
  );
});
afterAll(async () => {
  await api.stop();
  await rm(folder, { recursive: true });
});

/** Every request that the examples of a call make; none when a required part has no example. */
function requestsOf({ path, parameters = [], requestBody }: Called): { url: string; body?: unknown }[] {
  const given = parameters.filter(({ example }) => example !== undefined);
  if (parameters.some(({ required, example }) => required === true && example === undefined)) return [];
  const query = given
    .filter((parameter) => parameter.in === 'query')
    .map(({ name, example }) => [name, String(example)]);
  const url = given.reduce(
    (text, { name, example }) => text.replace(`{${name}}`, encodeURIComponent(String(example))),
    `${path}${query.length > 0 ? `?${new URLSearchParams(query).toString()}` : ''}`,
  );
  const bodies = Object.values(requestBody?.content['application/json']?.examples ?? {});
  if (bodies.length === 0) return requestBody?.required === true ? [] : [{ url }];
  return bodies.map(({ value }) => ({ url, body: value }));
}

describe('the examples of the document', () => {
  test('work as they stand on an installation that is empty, one after the other', async () => {
    for (const operationId of Object.keys(OPERATIONS)) {
      const call = calls.find((one) => one.operationId === operationId);
      expect(call, `the call ${operationId}`).toBeDefined();
      for (const { url, body } of call === undefined ? [] : requestsOf(call)) {
        const given = body === undefined ? {} : { body };
        const answer = await api.call(call?.method ?? 'GET', url, { headers: { 'x-api-key': key }, ...given });
        expect(answer.status, `${operationId} ${url}: ${answer.text}`).toBeGreaterThanOrEqual(200);
        expect(answer.status, `${operationId} ${url}: ${answer.text}`).toBeLessThan(300);
      }
    }
  });

  test('are there for every call but those about what no two installations have alike', () => {
    expect(calls.map(({ operationId }) => operationId).toSorted()).toEqual(Object.keys(OPERATIONS).toSorted());
    const without = calls.filter((call) => requestsOf(call).length === 0).map(({ operationId }) => operationId);
    expect(without.toSorted()).toEqual(WITHOUT_EXAMPLE.toSorted());
  });
});
