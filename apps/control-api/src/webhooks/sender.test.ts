import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { LookupFunction } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startReceiver } from '../testing/webhook-receiver.ts';
import { guardedLookup } from './address-guard.ts';
import { type SenderOptions, createSender } from './sender.ts';
import { type Sign, signedHeaders } from './signature.ts';

const OUTGOING = { id: 'e1', body: Buffer.from('{"type":"webhook.test"}') };
const signedWith =
  (...secrets: string[]): Sign =>
  (id, body) =>
    signedHeaders(id, body, secrets);
const sign = signedWith(`whsec_${Buffer.alloc(32, 7).toString('base64')}`);

function senderOf(options: Partial<SenderOptions> = {}) {
  const sender = createSender({ allowPrivate: true, timeoutMs: 20_000, ...options });
  onTestFinished(() => sender.close());
  return sender;
}

/** What names resolve to, as DNS would say it. */
const dns = (address: () => string): LookupFunction =>
  guardedLookup((_hostname, _options, callback) => callback(null, [{ address: address(), family: 4 }]));

describe('an endpoint on a private address', () => {
  test.each([
    'https://127.0.0.1:%/hook',
    'https://[::1]:%/hook',
    'https://[::ffff:127.0.0.1]:%/hook',
    'https://2130706433:%/hook',
    // By DNS.
    'https://localhost:%/hook',
  ])('%s is never connected to', async (pattern) => {
    let connections = 0;
    const server = createServer().on('connection', () => (connections += 1));
    server.listen(0, '::');
    await new Promise((resolve) => server.once('listening', resolve));
    onTestFinished(() => void server.close());
    const url = pattern.replace('%', String((server.address() as AddressInfo).port));
    const result = await senderOf({ allowPrivate: false }).send({ url, sign }, OUTGOING);
    expect(result).toMatchObject({ outcome: 'address-not-allowed', status: null, body: null });
    expect(result.message).toMatch(/is not a public address$/);
    expect(connections).toBe(0);
    // The same, allowed, is.
    const allowed = await senderOf().send({ url, sign }, OUTGOING);
    expect(allowed.outcome).toBe('unreachable');
    expect(connections).toBeGreaterThan(0);
  });

  test('to which a name leads only later is not connected to either', async () => {
    const addresses = ['192.0.0.1', '127.0.0.1'];
    const sender = senderOf({ allowPrivate: false, lookup: dns(() => addresses[0] ?? '') });
    addresses.shift();
    const result = await sender.send({ url: 'https://rebound.example.com/hook', sign }, OUTGOING);
    expect(result).toMatchObject({
      outcome: 'address-not-allowed',
      message: 'rebound.example.com (127.0.0.1) is not a public address',
    });
  });

  test('is not asked without TLS, whatever its address is', async () => {
    const sender = senderOf({ allowPrivate: false, lookup: dns(() => '1.1.1.1') });
    const result = await sender.send({ url: 'http://example.com/', sign }, OUTGOING);
    expect(result).toMatchObject({ outcome: 'address-not-allowed', message: 'it is no https:// URL' });
  });
});

describe('a request', () => {
  test('is sent again at once when the receiver had closed the connection that was kept', async () => {
    const receiver = await startReceiver();
    const sender = senderOf();
    expect((await sender.send({ url: receiver.url, sign }, OUTGOING)).outcome).toBe('delivered');
    let broken = 0;
    receiver.answer((request, response) => {
      if (request.headers['x-seen'] === undefined && broken === 0) {
        broken += 1;
        response.socket?.resetAndDestroy();
      } else response.writeHead(204).end();
    });
    expect((await sender.send({ url: receiver.url, sign }, OUTGOING)).outcome).toBe('delivered');
    expect(broken).toBe(1);
  });

  test('that is answered with another protocol is refused', async () => {
    const receiver = await startReceiver((_, response) => {
      response.socket?.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    });
    const result = await senderOf().send({ url: receiver.url, sign }, OUTGOING);
    expect(result).toMatchObject({ outcome: 'refused', status: 101, message: 'answered 101' });
  });

  test('is signed over the very bytes that are sent', async () => {
    const receiver = await startReceiver();
    const body = Buffer.from('{"type":"webhook.test","data":{"a" : "é\\u0000", "n":1.0}}');
    await senderOf().send({ url: receiver.url, sign: signedWith(receiver.secret) }, { id: 'e1', body });
    const [{ headers, body: text } = { headers: {}, body: '' }] = receiver.received;
    expect(text).toBe(body.toString('utf8'));
    expect(() => new Webhook(receiver.secret).verify(text, headers as Record<string, string>)).not.toThrow();
    const other = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
    expect(() => new Webhook(other).verify(text, headers as Record<string, string>)).toThrow('signature');
  });

  test('has its path and query, and ends with its signal', async () => {
    const receiver = await startReceiver(() => undefined);
    const abort = new AbortController();
    const sending = senderOf({ timeoutMs: 60_000 }).send(
      { url: `${receiver.url}?tenant=7`, sign },
      OUTGOING,
      abort.signal,
    );
    await expect.poll(() => receiver.received[0]?.path).toBe('/hook?tenant=7');
    abort.abort();
    expect((await sending).outcome).toBe('unreachable');
  });
});
