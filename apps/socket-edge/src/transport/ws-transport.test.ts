import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { closeCodes } from '@holdfast/protocol/close-codes';
import { eventually } from '@holdfast/testkit/eventually';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Connection } from '../connection/connection.ts';
import type { Phase } from '../connection/sender.ts';
import type { Hub } from '../connection/hub.ts';
import { newCounters } from '../counters.ts';
import { defaults } from '../testing/running-edge.ts';
import { maskedFrame, rawSocket } from '../testing/raw-client.ts';
import { someClaim } from '../testing/some-claim.ts';
import type { WebSocket } from 'ws';
import { bindSocket, createSocketServer } from './ws-transport.ts';

const FIN_CLOSE = 0x88;
const NORMAL = Buffer.from([0x03, 0xe8]);
const MIB = 1024 * 1024;

let server: Server;
let connection: Connection;
let socketOfServer: Duplex;
let webSocket: WebSocket;
/** In which phase the connection was when its socket was gone. */
let ended: PromiseWithResolvers<Phase>;

/** As much of a hub as a socket talks to. */
const hub = {
  onClosed: ({ phase }: Connection) => ended.resolve(phase),
  onDrain: () => undefined,
} as unknown as Hub;

beforeEach(async () => {
  ended = Promise.withResolvers<Phase>();
  const sockets = createSocketServer(defaults.frames);
  server = createServer().on('upgrade', (request, socket, head) => {
    socketOfServer = socket;
    sockets.handleUpgrade(request, socket, head, (ws) => {
      webSocket = ws;
      bindSocket(ws, socket, {
        handler: hub,
        direct: true,
        open: (transport) => (connection = new Connection(someClaim(), transport, 'open', newCounters())),
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const port = () => (server.address() as AddressInfo).port;

it('ends the connection before it answers a goodbye, so that nothing follows the close frame', async () => {
  const { socket } = await rawSocket(port(), '/');
  socket.write(maskedFrame(FIN_CLOSE, NORMAL));
  expect(await ended.promise).toBe('closed');
});

it('cuts a client that has gone without a goodbye and takes nothing', async () => {
  const { socket } = await rawSocket(port(), '/');
  socket.removeAllListeners('data').pause();
  while (connection.transport.bufferedBytes < MIB) connection.transport.send(Buffer.alloc(MIB, 'x'));
  socket.end();
  await eventually(() => expect((socketOfServer as { readableEnded?: boolean }).readableEnded).toBe(true));
  connection.close(closeCodes.tooSlow);
  await ended.promise;
});

it('has no object for listeners, as long as there is none', async () => {
  await rawSocket(port(), '/');
  expect(Object.getOwnPropertyDescriptor(webSocket, '_events')).toHaveProperty('value', undefined);
  expect(webSocket.listenerCount('close')).toBe(0);
  webSocket.on('close', () => undefined);
  expect(webSocket.listenerCount('close')).toBe(1);
});
