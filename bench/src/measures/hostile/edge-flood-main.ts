import { readFileSync } from 'node:fs';
import { type Socket, connect } from 'node:net';
import type { EdgeFlood } from './edge-attackers.ts';

// Hostile clients in a process of their own: node edge-flood-main.ts <a file with an EdgeFlood>. They go on until ended.

/** They come back when they are thrown out, as hostile clients do. */
const AGAIN_MS = 20;
const CHUNK_BYTES = 64 * 1024;
/** RFC 6455, section 5.2: a whole text, masked with zeroes. */
const FIN_TEXT = 0x81;
const MASKED = 0x80;

const flood = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as EdgeFlood;
const unit = Buffer.from(flood.repeated, 'base64');
const chunk = unit.length === 0 ? null : Buffer.concat(Array.from({ length: CHUNK_BYTES / unit.length }, () => unit));

function frame(text: string): Buffer {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.from([FIN_TEXT, MASKED | payload.length, 0, 0, 0, 0]), payload]);
}

function begin(socket: Socket): void {
  if (flood.once !== '') socket.write(frame(flood.once));
  if (flood.goesAfterMs !== null) setTimeout(() => socket.destroy(), flood.goesAfterMs);
  if (chunk === null) return;
  const push = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', push);
  push();
}

function open(opening: string): void {
  const socket = connect({ port: flood.port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => undefined);
  socket.on('close', () => setTimeout(open, AGAIN_MS, opening));
  socket.once('connect', () => {
    if (opening === '') begin(socket);
    else {
      socket.write(opening);
      socket.once('data', () => begin(socket));
    }
    if (flood.reads) socket.resume();
    else socket.pause();
  });
}

for (const opening of flood.openings) open(opening);
process.stdout.write('attacking\n');
