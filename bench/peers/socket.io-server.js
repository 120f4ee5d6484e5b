// Socket.IO: a room for each topic, and a publish by POST. With an address of a Redis, behind its adapter.
import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';

const [port, redisUrl] = process.argv.slice(2);
const server = createServer();
const io = new Server(server, { transports: ['websocket'], serveClient: false });

if (redisUrl !== undefined) {
  const publisher = createClient({ url: redisUrl });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  io.adapter(createAdapter(publisher, subscriber));
}

// Socket.IO's page on performance: the first request of a session is not needed any more, and is large.
io.engine.on('connection', (rawSocket) => {
  rawSocket.request = null;
});
io.on('connection', (socket) => socket.join(socket.handshake.auth.topic));

server.on('request', async (request, response) => {
  if (request.method !== 'POST') return;
  let body = '';
  for await (const chunk of request) body += chunk;
  const room = request.url.slice(1);
  for (const line of body.split('\n')) {
    if (line !== '') io.to(room).emit('message', JSON.parse(line));
  }
  response.writeHead(202, { 'Content-Length': 0 }).end();
});

server.listen(Number(port), '127.0.0.1', () => process.stdout.write(`listening ${server.address().port}\n`));
