import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { senderOf } from './client-address.ts';

function request(remoteAddress: string, forwardedFor?: string): IncomingMessage {
  const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor };
  return { socket: { remoteAddress }, headers } as unknown as IncomingMessage;
}

describe('a sender is counted by', () => {
  it.each([
    ['203.0.113.8', '203.0.113.8'],
    ['::ffff:203.0.113.8', '203.0.113.8'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8:1:3::9', '2001:db8:1:3::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('%s: %s', (address, key) => {
    expect(senderOf([])(request(address))).toBe(key);
  });
});

describe('behind a trusted proxy it is the address that the proxy names', () => {
  const sender = senderOf(['10.0.0.0/8', '::1']);

  it.each([
    ['203.0.113.8', '203.0.113.8'],
    ['203.0.113.8:4711', '203.0.113.8'],
    ['203.0.113.8:4712', '203.0.113.8'],
    ['[2001:db8::1]:4711', '2001:db8:0:0::/64'],
    ['[2001:db8::2]', '2001:db8:0:0::/64'],
    ['2001:db8::3', '2001:db8:0:0::/64'],
    ['198.51.100.1, 203.0.113.8:4711, 10.1.2.3:5555', '203.0.113.8'],
    ['198.51.100.1, 10.9.9.9', '198.51.100.1'],
    ['unknown', 'unknown'],
  ])('%s: %s', (forwardedFor, key) => {
    expect(sender(request('10.0.0.1', forwardedFor))).toBe(key);
  });

  it('and nothing that somebody else claims', () => {
    expect(sender(request('192.0.2.1', '203.0.113.8'))).toBe('192.0.2.1');
  });

  it('and never a long text', () => {
    expect(sender(request('10.0.0.1', 'x'.repeat(10_000)))).toHaveLength(64);
  });
});
