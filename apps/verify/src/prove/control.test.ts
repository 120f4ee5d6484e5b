import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Control } from './control.ts';

const server = createServer();

afterEach(() => {
  server.removeAllListeners('request');
  server.closeAllConnections();
  server.close();
});

/** A control-api that answers with these statuses, one call each, and with 200 after them. */
async function answering(...statuses: number[]): Promise<{ control: Control; calls: () => number }> {
  let calls = 0;
  server.on('request', (_, response) => {
    const status = statuses[calls] ?? 200;
    calls += 1;
    const problem = { type: 'about:blank', title: 'Scripted', status, code: 'scripted' };
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(status === 200 ? { edges: [] } : problem));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { control: new Control([`http://127.0.0.1:${port}`], 'key.secret'), calls: () => calls };
}

describe('a call that is tried until there is an answer', () => {
  test('is made again after each answer that says "not now"', async () => {
    const { control, calls } = await answering(408, 429, 503);
    await control.retrying((rest, signal) => rest.edges({ signal }));
    expect(calls()).toBe(4);
  });

  test('is not made again after a refusal for good', async () => {
    const { control, calls } = await answering(403);
    await expect(control.retrying((rest, signal) => rest.edges({ signal }))).rejects.toMatchObject({ status: 403 });
    expect(calls()).toBe(1);
  });
});
