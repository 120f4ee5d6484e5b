import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { readLine } from './read-line.ts';

it.each([
  [['key\nthe rest\nof it'], 'key', 'the rest\nof it'],
  [['k', 'ey\r', '\n', 'rest'], 'key', 'rest'],
  [['key'], 'key', ''],
  [['key\n'], 'key', ''],
  [[], '', ''],
])('the first line of %j is read, and what follows stays', async (chunks, line, rest) => {
  const stream = new PassThrough();
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  expect(await readLine(stream)).toBe(line);
  expect(await text(stream)).toBe(rest);
});

it('the first line is there before the stream ends', async () => {
  const stream = new PassThrough();
  stream.write('key\n');
  expect(await readLine(stream)).toBe('key');
  expect(stream.isPaused()).toBe(true);
});
