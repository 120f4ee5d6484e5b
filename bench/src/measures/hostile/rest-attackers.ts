import { randomUUID } from 'node:crypto';
import { forEachBounded } from '@holdfast/harness/bounded';
import type { HoldfastInstallation } from '../../peers/holdfast-installation.ts';
import { type Attacker, type Flood, sockets } from './attack.ts';

const LOG = { topic: 'hostile.log', messages: 1000, bytes: 65_000 };
const READERS = 8;
const CLIENTS = 8;
const TOPICS = 1000;
const CALLS_AT_ONCE = 16;
const UNKNOWN_IDS = 1000;
const AHEAD = 100;

/** In the order of the table. */
export const restAttackers: readonly Attacker[] = [
  {
    id: 'logReaders',
    title: 'eight readers of large pages',
    prepare: async (installation) => ({ ...(await logReaders(installation, 'reader')), ahead: 1 }),
  },
  {
    id: 'logPipeliners',
    title: 'eight that ask ahead for large pages and never read',
    prepare: async (installation) => ({ ...(await logReaders(installation, 'pipeliner')), reads: false }),
  },
  {
    id: 'unknownClients',
    title: 'fifty that ask ahead for unknown clients',
    prepare: async ({ controlPort }) => ({
      ...sockets(controlPort, 50),
      requests: Array.from({ length: UNKNOWN_IDS }, () => get(`/v1/clients/${randomUUID()}`)),
      ahead: AHEAD,
    }),
  },
  {
    id: 'documents',
    title: 'three that ask ahead for the document and never read',
    prepare: async ({ controlPort }) => ({
      ...sockets(controlPort, 3),
      requests: [get('/openapi.json')],
      reads: false,
    }),
  },
  {
    id: 'scrapes',
    title: 'five that ask ahead for the metrics',
    prepare: async ({ controlPort }) => ({ ...sockets(controlPort, 5), requests: [get('/metrics')], ahead: AHEAD }),
  },
  {
    id: 'clientToggles',
    title: 'eight clients that toggle a thousand topics each',
    prepare: async (installation) => {
      const topics = Array.from({ length: TOPICS }, (_, index) => `hostile.toggled.${index}`);
      await forEachBounded(topics, CALLS_AT_ONCE, (topic) => installation.call('PUT', `/v1/topics/${topic}`, '{}'));
      const clients = Array.from({ length: CLIENTS }, () => randomUUID());
      for (const clientId of clients) await installation.call('POST', '/v1/clients', JSON.stringify({ clientId }));
      const body = JSON.stringify({ topics });
      const requests = clients.flatMap((clientId) =>
        ['POST', 'DELETE'].map((method) => request(method, `/v1/clients/${clientId}/topics`, {}, body)),
      );
      return { ...sockets(installation.controlPort, CLIENTS), requests, ahead: 1 };
    },
  },
];

/** Callers with a key that may only read one topic, which has a log of large messages. */
async function logReaders(installation: HoldfastInstallation, id: string): Promise<Flood> {
  const { topic, messages, bytes } = LOG;
  const path = `/v1/topics/${topic}`;
  await installation.call('PUT', path, JSON.stringify({ history: { size: messages, seconds: 86_400 } }));
  const message = JSON.stringify('x'.repeat(bytes));
  for (let sent = 0; sent < messages; sent += 1) await installation.call('POST', `${path}/messages`, message);
  const key = await installation.addKey({ id, can: { subscribe: [topic] } });
  const requests = [get(`${path}/messages?limit=1000`, { 'x-api-key': key })];
  return { ...sockets(installation.controlPort, READERS), requests };
}

function get(path: string, headers: Readonly<Record<string, string>> = {}): string {
  return request('GET', path, headers, '');
}

/** With a body of JSON, or none. */
function request(method: string, path: string, headers: Readonly<Record<string, string>>, body: string): string {
  const all = { host: 'x', ...headers, ...(body === '' ? {} : { 'content-type': 'application/json' }) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = body === '' ? '' : `content-length: ${Buffer.byteLength(body)}\r\n`;
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}${length}\r\n${body}`;
}
