import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { LogOutput } from './log-output.ts';

function output(write: typeof writeSync = writeSync) {
  const directory = mkdtempSync(join(tmpdir(), 'log-output-'));
  const file = join(directory, 'log');
  const fd = openSync(file, 'w');
  onTestFinished(() => {
    closeSync(fd);
    rmSync(directory, { recursive: true });
  });
  const log = new LogOutput(fd, write);
  const recoveries: unknown[] = [];
  log.onRecovery = (fields) => recoveries.push(fields);
  return { log, recoveries, text: () => readFileSync(file, 'utf8') };
}

/** A disk that has so many bytes left, and fails as a real one does. */
function disk(code: string) {
  const state = { left: Infinity };
  const write = (fd: number, bytes: Buffer, offset: number): number => {
    if (state.left <= 0) throw Object.assign(new Error(`${code}: write`), { code });
    const length = Math.min(bytes.length - offset, state.left);
    state.left -= length;
    return writeSync(fd, bytes, offset, length);
  };
  return { state, write: write as typeof writeSync };
}

test('writes each line whole, also in pieces', () => {
  const { log, text } = output(((fd: number, bytes: Buffer, offset: number) =>
    writeSync(fd, bytes, offset, Math.min(3, bytes.length - offset))) as typeof writeSync);
  log.write('{"msg":"one ä"}\n');
  log.write('{"msg":"two"}\n');
  expect(text()).toBe('{"msg":"one ä"}\n{"msg":"two"}\n');
});

test.each(['ENOSPC', 'EDQUOT', 'EIO', 'EPIPE', 'EAGAIN'])(
  'after %s drops and counts lines, and logs their number when it works again, on a line of its own',
  (code) => {
    const { state, write } = disk(code);
    const { log, recoveries, text } = output(write);
    log.write('{"n":1}\n');
    state.left = 4;
    for (let n = 2; n <= 4; n += 1) log.write(`{"n":${n}}\n`);
    expect(log.dropped).toBe(3);
    expect(recoveries).toEqual([]);
    state.left = Infinity;
    log.write('{"n":5}\n');
    log.write('{"n":6}\n');
    expect(recoveries).toEqual([{ dropped: 3, code }]);
    expect(text()).toBe('{"n":1}\n{"n"\n{"n":5}\n{"n":6}\n');
    expect(log.dropped).toBe(3);
  },
);

test('waits a moment for a slow reader and loses nothing', () => {
  let busy = 3;
  const { log, text } = output(((fd: number, bytes: Buffer, offset: number) => {
    busy -= 1;
    if (busy > 0) throw Object.assign(new Error('EAGAIN: write'), { code: 'EAGAIN' });
    return writeSync(fd, bytes, offset);
  }) as typeof writeSync);
  log.write('{"n":1}\n');
  expect([log.dropped, text()]).toEqual([0, '{"n":1}\n']);
});
