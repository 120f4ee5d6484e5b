import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { eventually } from '@holdfast/testkit/eventually';
import { describe, expect, it } from 'vitest';
import { writeNow } from './direct-write.ts';
import { nativeSend } from './native-send.ts';
import { descriptorOf, tcpPair } from '../testing/tcp-pair.ts';

const MANY = 200;
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

it('is there on Linux, with the Node that this repository brings', () => {
  const isKnown = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch);
  expect(nativeSend() !== null).toBe(isKnown);
});

describe.each([
  { by: 'sendmsg', send: nativeSend() ?? writeNow },
  { by: 'fs.writeSync', send: writeNow },
])('a write by $by', ({ send }) => {
  it('gives how many bytes the kernel took, as many as fit and then none', async () => {
    const { near, far } = await tcpPair();
    far.pause();
    const bytes = Buffer.alloc(99_991, 'x');
    const taken: number[] = [];
    do taken.push(send(descriptorOf(near), bytes));
    while (taken.at(-1) !== 0);
    const sent = taken.reduce((sum, part) => sum + part);
    // The kernel's buffers hold no round number of these.
    expect(taken.some((part) => part > 0 && part < bytes.length)).toBe(true);
    let got = 0;
    far.on('data', ({ length }: Buffer) => (got += length)).resume();
    await eventually(() => expect(got).toBe(sent));
  });

  it('sends what it was given, whichever was given before, also when garbage was collected in between', async () => {
    const { near, far } = await tcpPair();
    let got = '';
    far.on('data', (bytes: Buffer) => (got += String(bytes)));
    // Not of the pool that many buffers share.
    const kept = Buffer.alloc(5, 'kept;');
    let expected = '';
    for (let number = 0; number < MANY; number += 1) {
      const text = `message ${number};`;
      send(descriptorOf(near), Buffer.from(text));
      send(descriptorOf(near), kept);
      if (number % 50 === 0) collectGarbage();
      send(descriptorOf(near), kept);
      expected += `${text}kept;kept;`;
    }
    await eventually(() => expect(got).toBe(expected));
  });

  it('takes nothing when the peer has gone, and nothing happens to the process', async () => {
    const { near, far } = await tcpPair();
    const descriptor = descriptorOf(near);
    const closed = new Promise((resolve) => near.on('error', () => undefined).on('close', resolve));
    far.resetAndDestroy();
    // In the same turn: the kernel knows of it, and Node does not yet.
    expect(send(descriptor, Buffer.from('late'))).toBe(0);
    await closed;
  });

  it('takes nothing for a descriptor that is none', () => {
    expect(send(-1, Buffer.from('for no socket'))).toBe(0);
  });
});
