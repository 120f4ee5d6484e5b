import { execFile } from 'node:child_process';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BoundedFile } from './bounded-file.ts';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bounded-'));
  path = join(directory, 'file');
});
afterEach(() => rm(directory, { recursive: true }));

describe('a file that is read within bounds', () => {
  test('gives its whole text, however many pieces that is', async () => {
    const text = 'ä'.repeat(100_000);
    await writeFile(path, text);
    expect(await new BoundedFile(path).read()).toBe(text);
  });

  test('is refused when it is longer than it may be', async () => {
    await writeFile(path, '');
    await truncate(path, 1001);
    await expect(new BoundedFile(path, { maxBytes: 1000 }).read()).rejects.toThrow('longer than 1000 bytes');
    await truncate(path, 1000);
    expect(await new BoundedFile(path, { maxBytes: 1000 }).read()).toHaveLength(1000);
  });

  test('is refused when it never ends: a FIFO, a device, a directory', async () => {
    await promisify(execFile)('mkfifo', [path]);
    for (const endless of [path, '/dev/zero', directory]) {
      const file = new BoundedFile(endless);
      await expect(file.read()).rejects.toThrow('not a regular file');
      await rm(path, { force: true });
    }
  });

  test('is refused when it does not come in time, and read again once that read has come back', async () => {
    await writeFile(path, 'x'.repeat(10_000_000));
    const file = new BoundedFile(path, { maxMs: 0 });
    await expect(file.read()).rejects.toThrow('within 0 ms');
    await expect(file.read()).rejects.toThrow('has not come back yet');
    await expect.poll(() => file.read().catch(({ message }: Error) => message)).toContain('within 0 ms');
  });
});
