import { type Socket, connect } from 'node:net';
import { serveCalls } from '@holdfast/harness/worker-channel';
import type { AttackCalls, Flood } from './attack.ts';

// An attack in a process of its own.

const ANSWER = Buffer.from('HTTP/1.1 ');
/** It comes back when it is closed, as hostile callers do. */
const AGAIN_MS = 20;
const CHUNK_BYTES = 64 * 1024;
const PROGRESS_MS = 60_000;

serveCalls<AttackCalls>({ attack }, () => null, PROGRESS_MS);

function attack(flood: Flood): void {
  const { requests, ahead, port, reads } = flood;
  let sent = 0;
  const bytes = (count: number): Buffer => {
    let text = '';
    for (let number = 0; number < count; number += 1) text += requests[sent++ % requests.length] ?? '';
    return Buffer.from(text, 'latin1');
  };
  /** What a socket sends that waits for no answer. */
  const chunk = ahead === null && requests[0] !== undefined ? bytes(CHUNK_BYTES / requests[0].length) : null;

  const begin = (socket: Socket): void => {
    if (flood.once !== '') socket.write(flood.once, 'latin1');
    if (flood.closesAfterMs !== null) setTimeout(() => socket.destroy(), flood.closesAfterMs);
    if (ahead !== null) {
      socket.write(bytes(ahead));
      socket.on('data', (data: Buffer) => socket.write(bytes(answersIn(data))));
    }
    if (chunk === null) return;
    const push = (): void => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on('drain', push);
    push();
  };

  const open = (opening: string): void => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.on('error', () => undefined);
    socket.on('close', () => setTimeout(open, AGAIN_MS, opening));
    socket.once('connect', () => {
      if (opening === '') begin(socket);
      else socket.once('data', () => begin(socket)).write(opening);
      if (reads) socket.resume();
      else socket.pause();
    });
  };

  for (const opening of flood.openings) open(opening);
}

function answersIn(data: Buffer): number {
  let count = 0;
  for (let at = data.indexOf(ANSWER); at !== -1; at = data.indexOf(ANSWER, at + 1)) count += 1;
  return count;
}
