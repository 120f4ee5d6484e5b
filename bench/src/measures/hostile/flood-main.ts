import { readFileSync } from 'node:fs';
import { type Socket, connect } from 'node:net';
import type { Flood } from './attack.ts';

// An attack in a process of its own: node flood-main.ts <a file with a Flood>. It goes on until it is ended.

const ANSWER = Buffer.from('HTTP/1.1 ');
/** It comes back when it is closed, as hostile callers do. */
const AGAIN_MS = 20;
const CHUNK_BYTES = 64 * 1024;

const flood = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Flood;
const { requests } = flood;
let sent = 0;

function bytes(count: number): Buffer {
  let text = '';
  for (let number = 0; number < count; number += 1) text += requests[sent++ % requests.length] ?? '';
  return Buffer.from(text, 'latin1');
}

function answersIn(chunk: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf(ANSWER); at !== -1; at = chunk.indexOf(ANSWER, at + 1)) count += 1;
  return count;
}

/** What a socket sends that waits for no answer. */
const chunk = flood.ahead === null && requests[0] !== undefined ? bytes(CHUNK_BYTES / requests[0].length) : null;

function attack(socket: Socket): void {
  if (flood.once !== '') socket.write(flood.once, 'latin1');
  if (flood.closesAfterMs !== null) setTimeout(() => socket.destroy(), flood.closesAfterMs);
  if (flood.ahead !== null) {
    socket.write(bytes(flood.ahead));
    socket.on('data', (data: Buffer) => socket.write(bytes(answersIn(data))));
  }
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
    if (opening === '') attack(socket);
    else socket.once('data', () => attack(socket)).write(opening);
    if (flood.reads) socket.resume();
    else socket.pause();
  });
}

for (const opening of flood.openings) open(opening);
process.stdout.write('attacking\n');
