import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Flood } from './attacker.ts';

// A hostile caller in a process of its own: node flood-main.ts <a file with a Flood>. It goes on until it is ended.

const ANSWER = Buffer.from('HTTP/1.1 ');
/** It comes back when it is thrown out, as hostile callers do. */
const AGAIN_MS = 20;
const CHUNK_REQUESTS = 200;

const flood = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Flood;
let sent = 0;

function requests(count: number): string {
  let text = '';
  for (let number = 0; number < count; number += 1) text += flood.requests[sent++ % flood.requests.length] ?? '';
  return text;
}

function answersIn(chunk: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf(ANSWER); at !== -1; at = chunk.indexOf(ANSWER, at + 1)) count += 1;
  return count;
}

function open(): void {
  const socket = connect({ port: flood.port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => undefined);
  socket.on('close', () => setTimeout(open, AGAIN_MS));
  if (flood.reads) {
    socket.on('connect', () => socket.write(requests(flood.ahead)));
    socket.on('data', (chunk: Buffer) => {
      const answered = answersIn(chunk);
      if (answered > 0) socket.write(requests(answered));
    });
    return;
  }
  socket.pause();
  const push = (): void => {
    while (socket.write(requests(CHUNK_REQUESTS)));
  };
  socket.on('connect', push).on('drain', push);
}

for (let number = 0; number < flood.sockets; number += 1) open();
process.stdout.write('attacking\n');
