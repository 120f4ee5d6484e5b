import { describe, expect, it } from 'vitest';
import { isAppPath, readAppHandshake } from './handshake.ts';

const QUERY = '?protocol=7&client=js&version=8.6.0&flash=false';

function read(url: string, origin?: string, allowed: string[] = []) {
  return readAppHandshake({ method: 'GET', url, headers: { ...(origin !== undefined && { origin }) } }, allowed);
}

function codeOf(url: string, origin?: string, allowed?: string[]): number | null {
  const outcome = read(url, origin, allowed);
  return outcome.ok ? null : outcome.fault.code;
}

it('takes the key of the app from the path, and ignores what it does not know', () => {
  expect(read(`/app/app-key${QUERY}`)).toEqual({ ok: true, key: 'app-key' });
  expect(read('http://host/app/k?protocol=5&other=1')).toEqual({ ok: true, key: 'k' });
});

it.each<[url: string, code: number]>([
  ['/app/k', 4008],
  ['/app/k?protocol=', 4008],
  ['/app/k?protocol=seven', 4006],
  ['/app/k?protocol=7e0', 4006],
  ['/app/k?protocol=4', 4007],
  ['/app/k?protocol=8', 4007],
  [`/app/${QUERY}`, 4005],
  [`/app/k/more${QUERY}`, 4005],
  [`/app/a%20b${QUERY}`, 4001],
  [`/app/${'k'.repeat(65)}${QUERY}`, 4001],
])('%s is closed with %i', (url, code) => {
  expect(codeOf(url)).toBe(code);
});

describe('a page', () => {
  it.each<[origin: string | undefined, allowed: string[], code: number | null]>([
    [undefined, ['https://a.example'], null],
    ['https://a.example', [], null],
    ['https://a.example', ['*'], null],
    ['https://a.example', ['https://a.example'], null],
    ['https://b.example', ['https://a.example'], 4009],
  ])('of %s, where %j may connect, is closed with %s', (origin, allowed, code) => {
    expect(codeOf(`/app/k${QUERY}`, origin, allowed)).toBe(code);
  });
});

it('has its own paths', () => {
  expect(['/app/k', '/app/', '/app', '/apps/1/events', '/v1/connect'].filter((path) => isAppPath(path))).toEqual([
    '/app/k',
    '/app/',
  ]);
});
