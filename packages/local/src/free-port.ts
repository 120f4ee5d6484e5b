import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that systems give to those who ask for any: 32,768 and up on Linux. */
const [LOWEST, BEYOND] = [20_000, 32_000];
const TRIES = 100;

/**
 * A TCP port that was free on 127.0.0.1 a moment ago. No connection is given it, and no server that listens on port 0, so
 * that it stays free while its user stops and starts again. Another process may choose the same by chance: its user tries
 * again with another. (A server of our own listens on port 0 instead.)
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const port = randomInt(LOWEST, BEYOND);
    if (await isFree(port)) return port;
  }
  throw new Error(`no port from ${LOWEST} to ${BEYOND - 1} is free on 127.0.0.1`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
