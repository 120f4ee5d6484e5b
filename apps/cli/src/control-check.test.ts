import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { run } from './run.ts';
import { recordingTerminal } from './testing/recording-terminal.ts';

/** Status by path; 404 elsewhere. Edges and control-apis themselves are tried with an installation. */
let statuses: Record<string, number> = {};
const server = createServer((request, response) => {
  response.writeHead(statuses[request.url ?? ''] ?? 404, { 'content-type': 'text/html' }).end('<h1>Hello</h1>');
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

async function edges(given: Record<string, number>): Promise<{ exitCode: number; error: unknown }> {
  statuses = given;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const terminal = recordingTerminal();
  const exitCode = await run(['edges', '--control', url, '--json'], terminal);
  return { exitCode, error: (JSON.parse(terminal.errLines.join('')) as { error: unknown }).error };
}

describe('what answers at the control URL', () => {
  it.each([
    ['something else', {}, 2, 'control-is-other', 'is no control-api'],
    ['something else that welcomes everybody', { '/v1/edges': 200 }, 2, 'control-is-other', 'is no control-api'],
    ['a port for administration', { '/healthz': 200 }, 2, 'control-is-admin-port', 'CONTROL_PORT'],
    [
      'an older control-api',
      { '/healthz': 200, '/openapi.json': 200 },
      1,
      'control-is-older',
      'older than this command line',
    ],
  ])('is named: %s', async (_what, given, exitCode, code, detail) => {
    const answer = await edges(given);
    expect(answer).toMatchObject({ exitCode, error: { code, detail: expect.stringContaining(detail) } });
  });
});
