import { randomUUID } from 'node:crypto';
import type { HoldfastInstallation } from '../../peers/holdfast-installation.ts';
import { topicName } from '../../peers/peer.ts';

/** What hostile clients of an edge do, over and over, for as long as they are let. */
export interface EdgeFlood {
  port: number;
  /** What each socket sends first: a handshake, or nothing. */
  openings: readonly string[];
  /** What follows, as often as it is taken, as base64; empty: nothing. */
  repeated: string;
  /** What follows a handshake once, as text of one frame; empty: nothing. */
  once: string;
  /** False: it never reads. */
  reads: boolean;
  /** After how long it goes and comes back, in milliseconds; null: when it is sent away. */
  goesAfterMs: number | null;
}

/** One kind of hostile client. */
export interface EdgeAttacker {
  /** The beginning of its figures' ids. */
  id: string;
  title: string;
  prepare: (installation: HoldfastInstallation, port: number) => Promise<EdgeFlood>;
}

/** Frames with a mask of zeroes: a server cannot tell it from another one. */
const PING_TEXT = Buffer.from('{"type":"ping"}');
const TEXT_PING = Buffer.concat([Buffer.from([0x81, 0x80 | PING_TEXT.length, 0, 0, 0, 0]), PING_TEXT]);
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);
const IN_PIECES = Buffer.concat([
  Buffer.from([0x01, 0x81, 0, 0, 0, 0, PING_TEXT[0] ?? 0]),
  ...Array.from({ length: 60 }, () => Buffer.from([0x00, 0x80, 0, 0, 0, 0])),
  Buffer.from([0x80, 0x80 | (PING_TEXT.length - 1), 0, 0, 0, 0]),
  PING_TEXT.subarray(1),
]);
const FLOODING_CLIENTS = 4;
const RETURNING_CLIENTS = 8;
const LONG_HISTORY = { topic: 1_000_000, messages: 1000, bytes: 16_000 };
const AWAY_AFTER_MS = 250;
const SCRAPING_SOCKETS = 5;

export const edgeAttackers: readonly EdgeAttacker[] = [
  flooding('pings', `${FLOODING_CLIENTS} clients that send pings as fast as they can`, TEXT_PING),
  flooding('pongs', `${FLOODING_CLIENTS} that send pongs`, PONG),
  flooding('pieces', `${FLOODING_CLIENTS} that send frames in pieces`, IN_PIECES),
  {
    id: 'resumes',
    title: `${RETURNING_CLIENTS} that resume a long history again and again`,
    prepare: async (installation, port) => {
      const { topic, messages, bytes } = LONG_HISTORY;
      const name = topicName(topic);
      await installation.call('PUT', `/v1/topics/${name}`, `{"history":{"size":${messages},"seconds":86400}}`);
      const clients = await registered(installation, RETURNING_CLIENTS, [name]);
      const data = JSON.stringify('x'.repeat(bytes));
      for (let sent = 0; sent < messages; sent += 1) await installation.publish({ topic, data });
      return {
        ...flood(port, clients, '&resume=1'),
        once: JSON.stringify({ type: 'resume', positions: { [name]: '1-0' } }),
        goesAfterMs: AWAY_AFTER_MS,
      };
    },
  },
  {
    id: 'scrapes',
    title: `${SCRAPING_SOCKETS} that ask ahead for the metrics and never read`,
    prepare: async (_, port) => ({
      ...flood(port, []),
      openings: Array.from({ length: SCRAPING_SOCKETS }, () => ''),
      repeated: Buffer.from('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n').toString('base64'),
      reads: false,
    }),
  },
];

function flooding(id: string, title: string, frames: Buffer): EdgeAttacker {
  return {
    id,
    title,
    prepare: async (installation, port) => ({
      ...flood(port, await registered(installation, FLOODING_CLIENTS, [])),
      repeated: frames.toString('base64'),
    }),
  };
}

async function registered(
  installation: HoldfastInstallation,
  count: number,
  topics: readonly string[],
): Promise<string[]> {
  const clients = Array.from({ length: count }, () => randomUUID());
  await installation.register(clients.map((credential) => ({ credential, topics })));
  return clients;
}

function flood(port: number, clients: readonly string[], query = ''): EdgeFlood {
  const openings = clients.map(
    (client) =>
      `GET /v1/connect?client=${client}${query} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  return { port, openings, repeated: '', once: '', reads: true, goesAfterMs: null };
}
