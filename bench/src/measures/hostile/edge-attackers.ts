import { randomUUID } from 'node:crypto';
import type { HoldfastInstallation } from '../../peers/holdfast-installation.ts';
import { topicName } from '../../peers/peer.ts';
import { type Attacker, type Flood, sockets } from './attack.ts';

/** RFC 6455, section 5.2, all masked with zeroes: a server cannot tell it from another mask. */
const PING_TEXT = '{"type":"ping"}';
const PONG = '\x8a\x80\0\0\0\0';
const IN_PIECES = [
  `\x01\x81\0\0\0\0${PING_TEXT.slice(0, 1)}`,
  ...Array.from({ length: 60 }, () => '\x00\x80\0\0\0\0'),
  `\x80${String.fromCharCode(0x80 | (PING_TEXT.length - 1))}\0\0\0\0${PING_TEXT.slice(1)}`,
].join('');
const FLOODING_CLIENTS = 4;
const RETURNING_CLIENTS = 8;
const LONG_HISTORY = { topic: 1_000_000, messages: 1000, bytes: 16_000 };
const AWAY_AFTER_MS = 250;
const SCRAPING_SOCKETS = 5;

export const edgeAttackers: readonly Attacker[] = [
  flooding('pings', `${FLOODING_CLIENTS} clients that send pings as fast as they can`, textFrame(PING_TEXT)),
  flooding('pongs', `${FLOODING_CLIENTS} that send pongs`, PONG),
  flooding('pieces', `${FLOODING_CLIENTS} that send frames in pieces`, IN_PIECES),
  {
    id: 'resumes',
    title: `${RETURNING_CLIENTS} that resume a long history again and again`,
    prepare: async (installation) => {
      const { topic, messages, bytes } = LONG_HISTORY;
      const name = topicName(topic);
      await installation.call('PUT', `/v1/topics/${name}`, `{"history":{"size":${messages},"seconds":86400}}`);
      const flood = await clients(installation, RETURNING_CLIENTS, [name], '&resume=1');
      const data = JSON.stringify('x'.repeat(bytes));
      for (let sent = 0; sent < messages; sent += 1) await installation.publish({ topic, data });
      const once = textFrame(JSON.stringify({ type: 'resume', positions: { [name]: '1-0' } }));
      return { ...flood, once, closesAfterMs: AWAY_AFTER_MS };
    },
  },
  {
    id: 'scrapes',
    title: `${SCRAPING_SOCKETS} that ask ahead for the metrics and never read`,
    prepare: async ({ edgePorts: [port = 0] }) => ({
      ...sockets(port, SCRAPING_SOCKETS),
      requests: ['GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'],
      reads: false,
    }),
  },
];

function flooding(id: string, title: string, frames: string): Attacker {
  const prepare = async (installation: HoldfastInstallation): Promise<Flood> => ({
    ...(await clients(installation, FLOODING_CLIENTS, [])),
    requests: [frames],
  });
  return { id, title, prepare };
}

/** Registered clients that connect. */
async function clients(installation: HoldfastInstallation, count: number, topics: readonly string[], query = '') {
  const ids = Array.from({ length: count }, () => randomUUID());
  await installation.register(ids.map((credential) => ({ credential, topics })));
  const openings = ids.map(
    (id) =>
      `GET /v1/connect?client=${id}${query} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  return { ...sockets(installation.edgePorts[0] ?? 0, count), openings };
}

function textFrame(text: string): string {
  return `\x81${String.fromCharCode(0x80 | text.length)}\0\0\0\0${text}`;
}
