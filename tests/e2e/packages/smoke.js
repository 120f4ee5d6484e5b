// Runs wherever the packages are installed, also as the module of a worker, with the variables CONTROL_URL, HOLDFAST_KEY
// and TOPIC. Prints what it received, as one line of JSON.
import { HoldfastError, connect, createRest } from '@holdfast/client';
import { WebhookError, createBackend, createTokenIssuer, verifyWebhook } from '@holdfast/server';

const { CONTROL_URL: controlUrl, HOLDFAST_KEY: key, TOPIC: topic, TOKEN_KEY: privateJwk } = process.env;
// Node 20 has none of its own.
const WebSocket = Reflect.get(globalThis, 'WebSocket') ?? (await import('ws')).WebSocket;

const backend = createBackend({ controlUrl, key });
await backend.createTopic(topic);
const { clientId, connect: where } = await backend.register({ topics: [topic] });
const client = connect({ ...where, clientId, WebSocket });
const messages = client.messages(topic);
await new Promise((resolve) => client.on('welcome', resolve));
await backend.publish(topic, { text: 'published' });
await backend.publishMany([{ topics: [topic], data: 'one of many' }]);
const received = [];
for await (const { data } of messages) {
  received.push(data);
  if (received.length === 2) break;
}
client.close();
const { reason } = await client.closed;

const refusal = await createRest({ controlUrl, key })
  .getTopic('no.such.topic')
  .catch((error) => (error instanceof HoldfastError ? error.code : String(error)));
const token = createTokenIssuer({ privateJwk }).issue({ user: 'ann', topics: [topic] });
const page = connect({ controlUrl, getToken: () => token, WebSocket });
const registered = await new Promise((resolve) => page.on('registered', resolve));
page.close();
let webhook;
try {
  verifyWebhook({ headers: {}, body: '', secret: 'whsec_AAAA' });
} catch (error) {
  webhook = error instanceof WebhookError ? error.code : String(error);
}
process.stdout.write(`${JSON.stringify({ received, reason, refusal, topics: registered.topics, webhook })}\n`);
