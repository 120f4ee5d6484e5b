import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { curlLine } from './curl.ts';
import { type Request, change, get, path } from './request.ts';
import { listTopics, publish } from './topics.ts';

const ORIGIN = 'http://127.0.0.1:7700';

/** The words that a shell makes of the line, without `curl`. */
function wordsOf(request: Request<unknown>): string[] {
  const line = curlLine(request, ORIGIN).replace(/^curl /, `printf '%s\\0' `);
  const env = { HOLDFAST_KEY: 'id.secret', PATH: process.env['PATH'] };
  return execFileSync('/bin/sh', ['-c', line], { env, encoding: 'utf8' }).split('\0').slice(0, -1);
}

describe('a curl line', () => {
  it('has the key by its variable only', () => {
    expect(curlLine(get('/v1/edges'), ORIGIN)).toBe(`curl -H "X-API-Key: $HOLDFAST_KEY" ${ORIGIN}/v1/edges`);
    expect(wordsOf(get('/v1/edges'))).toEqual(['-H', 'X-API-Key: id.secret', `${ORIGIN}/v1/edges`]);
  });

  it('keeps a body as it is, whatever a shell would make of it', () => {
    const json = `{"it's":"$HOME \`id\` \\\\ !","emoji":"🐝"}`;
    expect(wordsOf(publish('a.b', json))).toEqual([
      '-H',
      'X-API-Key: id.secret',
      '-H',
      'Content-Type: application/json',
      '-d',
      json,
      `${ORIGIN}/v1/topics/a.b/messages`,
    ]);
  });

  it('names the method where curl would take another, and has the query', () => {
    expect(wordsOf(change('DELETE', path`/v1/users/${'a/b c'}`))).toContain('-X');
    expect(wordsOf(change('DELETE', path`/v1/users/${'a/b c'}`)).at(-1)).toBe(`${ORIGIN}/v1/users/a%2Fb%20c`);
    expect(wordsOf(change('POST', '/v1/edges/e/drain')).slice(0, 2)).toEqual(['-X', 'POST']);
    expect(wordsOf(listTopics('news.', 'news.a')).at(-1)).toBe(
      `${ORIGIN}/v1/topics?prefix=news.&cursor=news.a&limit=50`,
    );
  });
});
