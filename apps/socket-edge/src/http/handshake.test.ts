import { describe, expect, it } from 'vitest';
import { chooseSubprotocol, isHandshake, readHandshake } from './handshake.ts';

const ID = '0b9e5d0a-7a3c-4f6e-9d3a-1c2b3d4e5f60';
const OTHER = '1b9e5d0a-7a3c-4f6e-9d3a-1c2b3d4e5f60';

const good = {
  upgrade: 'websocket',
  connection: 'Upgrade',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

function read(url: string, headers: Record<string, string | undefined> = {}, method = 'GET', origins: string[] = []) {
  return readHandshake({ method, url, headers: { ...good, ...headers } }, origins);
}

describe('a handshake is taken', () => {
  it.each<[string, string, Record<string, string>]>([
    ['the query', `/v1/connect?client=${ID}`, {}],
    ['the query, in capitals', `/v1/connect?client=${ID.toUpperCase()}`, {}],
    ['the query of the root', `/?client=${ID}`, {}],
    ['the query of a target in absolute form', `http://edge.example:7701/v1/connect?client=${ID}`, {}],
    ['the query of one without a path', `HTTP://edge.example?client=${ID}`, {}],
    ['the query, where an upgrade to something else is asked for too', `/?client=${ID}`, { upgrade: 'h2c, WebSocket' }],
    ['the query, beside others', `/v1/connect?x=1&client=${ID}&y=2`, {}],
    ['Authorization', '/v1/connect', { authorization: `Bearer ${ID}` }],
    ['Authorization, written otherwise', '/v1/connect', { authorization: `bearer   ${ID.toUpperCase()}` }],
    ['a subprotocol', '/v1/connect', { 'sec-websocket-protocol': `holdfast.v1, holdfast.client.${ID}` }],
    ['a subprotocol in a list with empty elements', '/', { 'sec-websocket-protocol': `,,a, ,holdfast.client.${ID},` }],
    ['a subprotocol alone', '/v1/connect', { 'sec-websocket-protocol': `holdfast.client.${ID}` }],
    [
      'all three, if they agree',
      `/v1/connect?client=${ID}`,
      { authorization: `Bearer ${ID}`, 'sec-websocket-protocol': `a,holdfast.client.${ID.toUpperCase()}` },
    ],
  ])('with the client id in %s', (_, url, headers) => {
    expect(read(url, headers)).toMatchObject({ ok: true, handshake: { clientId: ID, resume: false } });
  });

  it.each([
    ['1', true],
    ['0', false],
  ])('with resume=%s', (value, resume) => {
    expect(read(`/v1/connect?client=${ID}&resume=${value}`)).toMatchObject({ handshake: { resume } });
  });

  it.each([
    ['1', true],
    ['0', false],
  ])('with presence=%s', (value, presence) => {
    expect(read(`/v1/connect?client=${ID}&presence=${value}`)).toMatchObject({ handshake: { presence } });
  });

  it('from any origin, unless some are listed', () => {
    const headers = { origin: 'https://app.example' };
    expect(read(`/?client=${ID}`, headers).ok).toBe(true);
    expect(read(`/?client=${ID}`, headers, 'GET', ['https://app.example']).ok).toBe(true);
    // Not a browser.
    expect(read(`/?client=${ID}`, {}, 'GET', ['https://app.example']).ok).toBe(true);
  });
});

describe('a handshake is refused', () => {
  it.each<[number, string, string, string, Record<string, string | undefined>, string?]>([
    [404, 'route-not-found', 'another path', `/v2/connect?client=${ID}`, {}],
    [426, 'upgrade-required', 'no upgrade', `/v1/connect?client=${ID}`, { upgrade: undefined }],
    [426, 'upgrade-required', 'an upgrade to something else', `/v1/connect?client=${ID}`, { upgrade: 'h2c' }],
    [426, 'upgrade-required', 'another version', `/v1/connect?client=${ID}`, { 'sec-websocket-version': '8' }],
    [426, 'upgrade-required', 'no version', `/v1/connect?client=${ID}`, { 'sec-websocket-version': undefined }],
    [405, 'method-not-allowed', 'another method', `/v1/connect?client=${ID}`, {}, 'POST'],
    [404, 'route-not-found', 'another path in absolute form', `http://edge.example/v2/connect?client=${ID}`, {}],
    [400, 'bad-handshake', 'no key', `/v1/connect?client=${ID}`, { 'sec-websocket-key': undefined }],
    [400, 'bad-handshake', 'a short key', `/v1/connect?client=${ID}`, { 'sec-websocket-key': 'abc=' }],
    [400, 'bad-handshake', 'no subprotocol', `/v1/connect?client=${ID}`, { 'sec-websocket-protocol': '' }],
    [400, 'bad-handshake', 'empty elements alone', `/v1/connect?client=${ID}`, { 'sec-websocket-protocol': ', ,' }],
    [400, 'bad-handshake', 'two of the same', `/v1/connect?client=${ID}`, { 'sec-websocket-protocol': 'a, a' }],
    [400, 'bad-handshake', 'a subprotocol that is no token', `/?client=${ID}`, { 'sec-websocket-protocol': 'a b' }],
    [400, 'credential-missing', 'no client id', '/v1/connect', {}],
    [400, 'credential-missing', 'only our subprotocol', '/v1/connect', { 'sec-websocket-protocol': 'holdfast.v1' }],
    [400, 'credential-malformed', 'an empty client id', '/v1/connect?client=', {}],
    [400, 'credential-malformed', 'no UUID', '/v1/connect?client=me', {}],
    [400, 'credential-malformed', 'more than a UUID', `/v1/connect?client=${ID}0`, {}],
    [400, 'credential-malformed', 'another scheme', '/v1/connect', { authorization: `Basic ${ID}` }],
    [400, 'credential-malformed', 'no token', '/v1/connect', { authorization: 'Bearer' }],
    [400, 'credential-malformed', 'a bad one', '/v1/connect', { 'sec-websocket-protocol': 'holdfast.client.me' }],
    [400, 'credential-malformed', 'two in the query', `/v1/connect?client=${ID}&client=${OTHER}`, {}],
    [400, 'credential-malformed', 'two of them', `/?client=${ID}`, { authorization: `Bearer ${OTHER}` }],
    [400, 'key-in-query', 'an API key', `/v1/connect?client=${ID}&X-API-Key=a.b`, {}],
    [400, 'invalid-request', 'a resume that is none', `/v1/connect?client=${ID}&resume=yes`, {}],
    [400, 'invalid-request', 'a presence that is none', `/v1/connect?client=${ID}&presence=yes`, {}],
  ])('with %i %s: %s', (status, code, _, url, headers, method) => {
    const outcome = read(url, headers, method);
    expect(outcome).toMatchObject({ ok: false, refusal: { problem: { status, code } } });
    // The client id is a credential: no answer repeats it.
    expect(JSON.stringify(outcome)).not.toMatch(new RegExp(`${ID}|${OTHER}`, 'i'));
  });

  it('with 403 for the page of another origin', () => {
    const outcome = read(`/?client=${ID}`, { origin: 'https://evil.example' }, 'GET', ['https://app.example']);
    expect(outcome).toMatchObject({ refusal: { problem: { status: 403, code: 'origin-not-allowed' } } });
  });

  it('with the version that is spoken, for another one', () => {
    const outcome = read('/v1/connect', { 'sec-websocket-version': '25' });
    expect(outcome).toMatchObject({ refusal: { headers: { 'Sec-WebSocket-Version': '13', Upgrade: 'websocket' } } });
  });

  it('and not with an exception, for a URL that is none', () => {
    expect(read('http://[').ok).toBe(false);
    expect(readHandshake({ headers: good }, []).ok).toBe(false);
  });
});

it.each<[string, string | undefined, boolean]>([
  ['/v1/connect', 'websocket', true],
  ['/?client=x', 'h2c , WebSocket', true],
  ['http://edge/v1/connect', 'websocket', true],
  ['/v1/connect', undefined, false],
  ['/v1/connect', 'h2c', false],
  ['/v1/connect', 'websocket/13', false],
  ['/healthz', 'websocket', false],
])('a request of %s with Upgrade: %s is a handshake: %s', (url, upgrade, expected) => {
  expect(isHandshake({ method: 'GET', url, headers: upgrade === undefined ? {} : { upgrade } })).toBe(expected);
});

it('what was offered is read without its empty elements, in its order', () => {
  const outcome = read(`/?client=${ID}`, { 'sec-websocket-protocol': 'b,, a ,' });
  expect(outcome).toMatchObject({ handshake: { offered: ['b', 'a'] } });
});

it('the subprotocol that comes back is ours, else the one that carried the client id, as it was offered', () => {
  expect(chooseSubprotocol(['x', `holdfast.client.${ID}`, 'holdfast.v1'])).toBe('holdfast.v1');
  expect(chooseSubprotocol(['x', `holdfast.client.${ID}`])).toBe(`holdfast.client.${ID}`);
  expect(chooseSubprotocol(['x'])).toBeUndefined();
});
