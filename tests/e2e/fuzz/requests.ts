import { mutated } from './mutate.ts';
import type { Random } from './random.ts';

const METHODS = [
  'GET',
  'GET',
  'POST',
  'POST',
  'PUT',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'TRACE',
  'get',
  'PRI',
] as const;
const SEGMENTS = [
  '%00',
  '%',
  '%zz',
  '%2e%2e',
  '..',
  '.',
  '',
  '%ff%fe',
  '%ed%a0%80',
  'a'.repeat(300),
  '__proto__',
  '*',
  '%2F',
  '{}',
] as const;
const QUERIES = [
  'limit=1000',
  'limit=-1',
  'limit=1e9',
  'after=1-0',
  'after=x',
  'cursor=%00',
  'key=a.b',
  'client=me',
  'resume=1',
  'a[b]=c',
  '&&==',
  '%',
] as const;
const BODIES = [
  '{}',
  '[]',
  'null',
  '{"topics":["a","b"]}',
  '{"topics":"a,b","name":"n"}',
  '{"history":{"size":10,"seconds":10}}',
  '{"messages":[{"topics":["a"],"data":{"x":[1,2,3]}}]}',
  '{"__proto__":{"x":1},"constructor":1}',
  '"\\ud800"',
  '1e999',
  '['.repeat(2000),
  '{"a":'.repeat(500),
] as const;
const HEADERS = [
  'Content-Type: application/json',
  'Content-Type: text/plain; charset=\u00ff',
  'Content-Encoding: gzip',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: chunked, identity',
  'Content-Length: 5',
  'Content-Length: -1',
  'Expect: 100-continue',
  'Expect: something',
  'Upgrade: h2c',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol: ,a,,holdfast.v1',
  'Idempotency-Key: \u0001',
  'Accept: */*;q=0.0001, text/html;level=1',
  'Origin: null',
  'Authorization: Bearer x',
  'X-API-Key: a.b.c',
  'X-Forwarded-For: [::1]:80, 203.0.113.8:4711, ,unknown',
  'Cookie: a=b; c',
  'Range: bytes=0-18446744073709551615',
] as const;

export interface Target {
  /** Paths of the service. `:client` and `:topic` stand for some. */
  paths: readonly [string, ...string[]];
  /** A key that may do everything. */
  key: string;
  client: string;
}

/** A request that a service could take, with something changed in its target, its headers, its body or its bytes. */
export function wildRequest(random: Random, target: Target): Buffer {
  const body = random.chance(0.5) ? random.pick(BODIES) : '';
  const headers = ['Host: fuzz', 'Connection: close'];
  if (random.chance(0.6)) headers.push(`X-API-Key: ${target.key}`);
  if (body !== '' || random.chance(0.1))
    headers.push('Content-Type: application/json', `Content-Length: ${body.length}`);
  while (random.chance(0.4)) headers.push(random.pick(HEADERS));
  const head = [`${random.pick(METHODS)} ${pathOf(random, target)} HTTP/1.1`, ...headers].join('\r\n');
  const request = Buffer.from(`${head}\r\n\r\n${body}`, 'latin1');
  return random.chance(0.5) ? mutated(request, random) : request;
}

function pathOf(random: Random, { paths, client }: Target): string {
  const path = random
    .pick(paths)
    .split('/')
    .map((segment) => {
      if (random.chance(0.1)) return random.pick(SEGMENTS);
      if (segment === ':client') return random.chance(0.7) ? client : 'me';
      return segment === ':topic' ? random.pick(['fuzz.a', 'fuzz.b', '@me', 'a b', '..']) : segment;
    })
    .join('/');
  const query = random.chance(0.3) ? `?${random.pick(QUERIES)}&${random.pick(QUERIES)}` : '';
  return random.chance(0.1) ? `http://fuzz.example${path}${query}` : path + query;
}
