import { describe, expect, test } from 'vitest';
import { bodyDigest, channelSignature, isAuth, requestSignature, userSignature } from './signatures.ts';

/** Of the documentation of the protocol. */
const [KEY, SECRET, SOCKET] = ['278d425bdf160c739803', '7ad3773142a6692b25b8', '1234.1234'];

describe('the vectors of the documentation', () => {
  test('of a private channel', () => {
    expect(channelSignature(SECRET, SOCKET, 'private-foobar')).toBe(
      '58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4',
    );
  });

  test('of a presence channel', () => {
    const data = '{"user_id":10,"user_info":{"name":"Mr. Pusher"}}';
    expect(channelSignature(SECRET, SOCKET, 'presence-foobar', data)).toBe(
      'afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c',
    );
  });

  test('of a user', () => {
    expect(userSignature(SECRET, SOCKET, '{"id":"12345"}')).toBe(
      '4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba',
    );
  });

  test('of a request', () => {
    const body = Buffer.from('{"name":"foo","channels":["project-3"],"data":"{\\"some\\":\\"data\\"}"}');
    expect(bodyDigest(body)).toBe('ec365a775a4cd0599faeb73354201b6f');
    const query = new Map([
      ['body_md5', bodyDigest(body)],
      ['auth_version', '1.0'],
      ['auth_key', KEY],
      ['auth_timestamp', '1353088179'],
      ['auth_signature', 'is not signed itself'],
    ]);
    expect(requestSignature(SECRET, { method: 'POST', path: '/apps/3/events', query })).toBe(
      'da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c',
    );
  });
});

test('an auth is the key of the app and the signature, and nothing else', () => {
  const signature = channelSignature(SECRET, SOCKET, 'private-foobar');
  expect(isAuth(`${KEY}:${signature}`, KEY, signature)).toBe(true);
  for (const auth of ['', signature, `other:${signature}`, `${KEY}:${signature} `, `${KEY}:${signature.slice(1)}`]) {
    expect(isAuth(auth, KEY, signature)).toBe(false);
  }
});
