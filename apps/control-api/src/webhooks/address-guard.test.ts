import { describe, expect, test } from 'vitest';
import { guardedLookup, isForbidden, isForbiddenHost } from './address-guard.ts';

describe('addresses that are not of the public Internet', () => {
  test.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.8',
    '192.0.2.1',
    '192.88.99.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '239.255.255.250',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:10.0.0.1',
    '::ffff:169.254.169.254',
    '64:ff9b::127.0.0.1',
    '64:ff9b::a00:1',
    '64:ff9b:1::1',
    '100::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
  ])('%s is refused', (address) => expect(isForbidden(address)).toBe(true));

  test.each([
    '1.1.1.1',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '223.255.255.255',
    '::ffff:1.1.1.1',
    '64:ff9b::101:101',
    '2606:4700:4700::1111',
    '2a00:1450:4001::1',
  ])('%s is not', (address) => expect(isForbidden(address)).toBe(false));

  test.each([
    ['127.0.0.1', true],
    ['[::1]', true],
    ['[::ffff:a00:1]', true],
    ['1.1.1.1', false],
    ['[2606:4700:4700::1111]', false],
    ['localhost', false],
    ['10.example.com', false],
  ])('as the host of a URL %s: %s', (host, refused) => expect(isForbiddenHost(host)).toBe(refused));

  // What URL makes of other ways to write them is what is judged.
  test.each([
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://127.1/',
    'http://[::ffff:127.0.0.1]/',
  ])('%s is refused', (url) => expect(isForbiddenHost(new URL(url).hostname)).toBe(true));
});

type Resolve = NonNullable<Parameters<typeof guardedLookup>[0]>;

/** A name that has these addresses. */
function nameOf(...addresses: string[]): Resolve {
  const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  return (_hostname, _options, callback) => callback(null, found);
}

/** What a connection is given, or why it is not. */
function lookup(addresses: string[], options: { all: boolean }): Promise<unknown> {
  return new Promise((resolve) => {
    guardedLookup(nameOf(...addresses))('hook.example.com', options, (error, found) =>
      resolve(error?.message ?? found),
    );
  });
}

describe('a name', () => {
  test('with public addresses is connected to at these', async () => {
    expect(await lookup(['1.1.1.1', '2606:4700::1'], { all: true })).toEqual([
      { address: '1.1.1.1', family: 4 },
      { address: '2606:4700::1', family: 6 },
    ]);
    expect(await lookup(['1.1.1.1'], { all: false })).toBe('1.1.1.1');
  });

  test('with one that is not public is refused', async () => {
    const refused = 'hook.example.com (10.0.0.1) is not a public address';
    expect(await lookup(['1.1.1.1', '10.0.0.1'], { all: true })).toBe(refused);
    expect(await lookup(['10.0.0.1'], { all: false })).toBe(refused);
    expect(await lookup(['::ffff:10.0.0.1'], { all: true })).toMatch('is not a public address');
  });
});
