import { spawnSync } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { greeting, linesToPaste } from './greeting.ts';

const facts = {
  redis: '/usr/bin/redis-server, found on PATH, started on redis://127.0.0.1:5000',
  controlUrl: 'http://127.0.0.1:7700',
  edgeUrls: ['ws://127.0.0.1:7701', 'ws://127.0.0.1:7702'],
  key: 'dev.abc-_1',
  console: true,
  topics: ['news.sport', 'news.weather', 'chat'],
  logs: '/repo/.holdfast/logs',
};

it('holds all that somebody needs, and three lines to paste, each on a line of its own', () => {
  const text = stripVTControlCharacters(greeting(facts));
  for (const part of [facts.redis, ...facts.edgeUrls, facts.key, `${facts.controlUrl}/docs`]) {
    expect(text).toContain(part);
  }
  expect(text).toContain(`${facts.key}   with every right but to create topics on demand\n`);
  expect(text).toContain(`Console      ${facts.controlUrl}/console#key=${facts.key}\n`);
  expect(greeting({ ...facts, console: false })).not.toContain('/console');
  const lines = text.split('\n').map((line) => line.trim());
  expect(lines.filter((line) => /^(npx|curl) /.test(line))).toEqual(linesToPaste(facts));
});

/** The words that a shell makes of a line. */
function words(line: string): string[] {
  const printing = `npx() { printf '%s\\n' "$@"; }; curl() { npx "$@"; }; ${line}`;
  return spawnSync('/bin/sh', ['-c', printing], { encoding: 'utf8' }).stdout.trim().split('\n');
}

it('quotes so that a shell hands on what is meant', () => {
  const [listen = '', publish = '', curl = ''] = linesToPaste(facts);
  expect(words(listen)).toEqual(['holdfast', 'listen', '--register', 'me', '--topics', 'news.sport']);
  expect(words(publish)).toEqual(['holdfast', 'publish', 'news.sport', '{"goal":1}']);
  expect(words(curl)).toEqual([
    '-H',
    'X-API-Key: dev.abc-_1',
    '-H',
    'Content-Type: application/json',
    '-d',
    '{"goal":1}',
    'http://127.0.0.1:7700/v1/topics/news.sport/messages',
  ]);
});
