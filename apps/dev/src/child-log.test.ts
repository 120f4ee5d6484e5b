import { stripVTControlCharacters } from 'node:util';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { childLog, shortForm } from './child-log.ts';

const short = (text: string) => {
  const line = shortForm('edge-1', text);
  return line === null ? null : stripVTControlCharacters(line);
};

it('shows warnings and errors in short, with the message of their error', () => {
  expect(short('{"level":"warn","msg":"Redis is away"}')).toBe('edge-1 warn Redis is away');
  expect(short('{"level":"fatal","msg":"no","err":{"message":"bad thing"}}')).toBe('edge-1 fatal no: bad thing');
  expect(short('{"level":"error","error":"plain"}')).toBe('edge-1 error plain');
});

it('keeps quiet about the rest, but for what is no log line', () => {
  expect(short('{"level":"info","msg":"listening"}')).toBeNull();
  expect(short('')).toBeNull();
  expect(short('    at crash (file.ts:1:1)')).toBe('edge-1     at crash (file.ts:1:1)');
});

it('lets nothing through that steers a terminal', () => {
  expect(short('{"level":"warn","msg":"name \\u001b[2J\\u0007\\r\\nfake line"}')).toBe(
    'edge-1 warn name  [2J fake line',
  );
});

it('keeps every line in the file, of this run only', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
  const logged: string[] = [];
  for (const run of ['first', 'second']) {
    const log = childLog(directory, 'edge-1', (line) => logged.push(line));
    log.line(`{"level":"info","msg":"${run}"}`);
    log.line('not JSON');
    log.close();
    const text = `{"level":"info","msg":"${run}"}\nnot JSON\n`;
    await vi.waitFor(async () => expect(await readFile(join(directory, 'edge-1.log'), 'utf8')).toBe(text), 30_000);
  }
  expect(logged).toHaveLength(2);
  await rm(directory, { recursive: true });
});
