// Bun's own server: ws.subscribe and server.publish, as its documentation has them, and a publish by POST.
const bun = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.argv[2]),
  async fetch(request, server) {
    const topic = new URL(request.url).pathname;
    if (request.method !== 'POST') return server.upgrade(request, { data: { topic } }) ? undefined : new Response(null);
    for (const line of (await request.text()).split('\n')) {
      if (line !== '') server.publish(topic, line);
    }
    return new Response('', { status: 202 });
  },
  websocket: {
    open(ws) {
      ws.subscribe(ws.data.topic);
    },
    message() {},
  },
});
process.stdout.write(`listening ${bun.port}\n`);
