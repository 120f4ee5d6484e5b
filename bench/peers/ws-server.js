// The obvious server on `ws`: a topic in the path, a set of sockets for each, and a publish by POST.
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const topics = new Map();
const wss = new WebSocketServer({ noServer: true });

const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  for (const line of body.split('\n')) {
    if (line === '') continue;
    for (const socket of topics.get(request.url) ?? []) socket.send(line);
  }
  response.writeHead(202, { 'Content-Length': 0 }).end();
});

server.on('upgrade', (request, socket, head) => {
  wss.handleUpgrade(request, socket, head, (webSocket) => {
    const topic = request.url;
    const subscribers = topics.get(topic) ?? new Set();
    topics.set(topic, subscribers.add(webSocket));
    webSocket.isAlive = true;
    webSocket.on('pong', () => (webSocket.isAlive = true));
    webSocket.on('error', () => webSocket.terminate());
    webSocket.on('close', () => subscribers.delete(webSocket));
  });
});

// As the README of ws detects broken connections.
setInterval(() => {
  for (const subscribers of topics.values()) {
    for (const socket of subscribers) {
      if (!socket.isAlive) socket.terminate();
      socket.isAlive = false;
      socket.ping();
    }
  }
}, 30_000);

server.listen(Number(process.argv[2]), '127.0.0.1', () => process.stdout.write(`listening ${server.address().port}\n`));
