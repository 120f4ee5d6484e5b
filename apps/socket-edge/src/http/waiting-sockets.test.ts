import { once } from 'node:events';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { WaitingSockets } from './waiting-sockets.ts';

const MAX = 3;

/** Sockets that a server accepted, the first one first. */
async function accepted(count: number): Promise<Socket[]> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sockets: Socket[] = [];
  for (let index = 0; index < count; index += 1) {
    const client = connect(port, '127.0.0.1').on('error', () => undefined);
    const [socket] = (await once(server, 'connection')) as [Socket];
    sockets.push(socket);
    onTestFinished(() => void client.destroy());
  }
  onTestFinished(() => void server.close());
  return sockets;
}

const living = (sockets: readonly Socket[]) => sockets.map(({ destroyed }) => !destroyed);

test('sockets that have only just come are left alone, however many of one address', async () => {
  const waiting = new WaitingSockets({ maxOfAddress: MAX });
  const sockets = await accepted(10);
  for (const socket of sockets) waiting.add(socket);
  waiting.sweep();
  expect(living(sockets)).not.toContain(false);
  for (const socket of sockets) waiting.remove(socket);
  waiting.sweep();
  expect(living(sockets)).not.toContain(false);
});

test('of those that were there at the last look, the oldest of an address go', async () => {
  const waiting = new WaitingSockets({ maxOfAddress: MAX });
  const sockets = await accepted(6);
  for (const socket of sockets.slice(0, 5)) waiting.add(socket);
  waiting.sweep();
  waiting.add(sockets[5] as Socket);
  waiting.sweep();
  expect(living(sockets)).toEqual([false, false, true, true, true, true]);
  waiting.sweep();
  expect(living(sockets)).toEqual([false, false, false, true, true, true]);
});
