import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ScriptedInstallation } from '../../testing/scripted-installation.ts';
import { Worker } from './worker.ts';

const MEMBERS = 150;
/** So long a call is under way: all would be at the same time, if they were made at once. */
const HELD_MS = 50;
const KEY = 'key.secret';

let installation: ScriptedInstallation;
let worker: Worker;
let changing: Changing;

/** A control-api that only takes changes, and counts those under way. */
interface Changing {
  readonly url: string;
  readonly stop: () => void;
  most: number;
  taken: number;
}

async function startChanging(status: number): Promise<Changing> {
  const counts = { most: 0, taken: 0 };
  let underWay = 0;
  const server = createServer((request, response) => {
    underWay += 1;
    counts.most = Math.max(counts.most, underWay);
    request.resume();
    setTimeout(() => {
      underWay -= 1;
      counts.taken += 1;
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ type: 'about:blank', title: 'Scripted', status, code: 'scripted' }));
    }, HELD_MS);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return Object.assign(counts, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop });
}

const { signal } = new AbortController();
const subscribeAll = (controlUrl: string, retry: boolean) => {
  const ask = { what: 'subscribe', members: MEMBERS, topic: 'later', controlUrls: [controlUrl], retry } as const;
  return worker.handlers().change(ask, signal);
};

beforeEach(async () => {
  installation = await ScriptedInstallation.start();
  worker = new Worker();
  const { controlUrl } = installation;
  const members = Array.from({ length: MEMBERS }, (_, member) => {
    return { member, topics: ['first'], expectation: 'everything' as const };
  });
  const urls = { controlUrls: [controlUrl], edgeUrls: [controlUrl.replace('http', 'ws')] };
  await worker.handlers().begin({ members, ...urls, key: KEY, seed: 1 }, signal);
});
afterEach(() => {
  changing.stop();
  installation.stop();
});

describe('members that change their topics', () => {
  test('do so some at a time: an address may have so many connections and no more', async () => {
    changing = await startChanging(202);
    expect(await subscribeAll(changing.url, true)).toEqual({ done: MEMBERS });
    expect(changing.taken).toBe(MEMBERS);
    expect(changing.most).toBeLessThanOrEqual(32);
  });

  test('and are refused where it was to be done for certain: that is no run of the fault', async () => {
    changing = await startChanging(403);
    await expect(subscribeAll(changing.url, true)).rejects.toMatchObject({ status: 403 });
    expect(await subscribeAll(changing.url, false)).toEqual({ done: 0 });
  });
});
