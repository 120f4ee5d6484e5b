import { channelKind } from '@holdfast/protocol/pusher-channels';
import { channelSignature, userSignature } from '@holdfast/pusher/signatures';
import { describe, expect, it } from 'vitest';
import { authorizeSubscribe, channelFault, isSignedIn } from './authorization.ts';
import type { SignedInUser } from './member.ts';

/** The test vectors of Pusher's documentation. */
const vector = { key: '278d425bdf160c739803', secret: '7ad3773142a6692b25b8' };
const SOCKET = '1234.1234';
const PRIVATE = '58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4';
const USER = '4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba';
const alice: SignedInUser = { id: 'alice', info: '{"user_id":"alice","user_info":{"name":"Alice"}}' };

function authorize(channel: string, auth: string, channelData: string | null = null, user: SignedInUser | null = null) {
  return authorizeSubscribe(
    vector,
    SOCKET,
    channelKind(channel),
    { kind: 'subscribe', channel, auth, channelData },
    user,
  );
}

function signed(channel: string, channelData?: string): string {
  return `${vector.key}:${channelSignature(vector.secret, SOCKET, channel, channelData)}`;
}

const unauthorized = { ok: false, fault: { type: 'AuthError', status: 401, error: expect.any(String) } };

describe('a private channel', () => {
  it('takes the signature of the documentation, and no other', () => {
    expect(authorize('private-foobar', `${vector.key}:${PRIVATE}`)).toEqual({ ok: true, member: null });
    expect(authorize('private-foobaz', `${vector.key}:${PRIVATE}`)).toEqual(unauthorized);
    expect(authorize('private-foobar', `other:${PRIVATE}`)).toEqual(unauthorized);
    expect(authorize('private-foobar', PRIVATE)).toEqual(unauthorized);
    expect(authorize('private-foobar', '')).toEqual(unauthorized);
  });

  it('is signed with its channel_data, where there is one', () => {
    expect(authorize('private-a', signed('private-a', '{}'), '{}').ok).toBe(true);
    expect(authorize('private-a', signed('private-a'), '{}')).toEqual(unauthorized);
  });

  it('that is encrypted, or keeps its last event, is one too', () => {
    for (const channel of ['private-encrypted-a', 'private-cache-a', 'private-encrypted-cache-a']) {
      expect(authorize(channel, signed(channel)).ok).toBe(true);
      expect(authorize(channel, '')).toEqual(unauthorized);
    }
  });
});

describe('a presence channel', () => {
  it.each<[data: string, id: string, info: string]>([
    ['{"user_id":10,"user_info":{"name":"Mr. Channels"}}', '10', '{"user_id":10,"user_info":{"name":"Mr. Channels"}}'],
    ['{"user_id":"u-1"}', 'u-1', '{"user_id":"u-1"}'],
    ['{"user_id":12345678901234567890}', '12345678901234567890', '{"user_id":12345678901234567890}'],
    ['{"user_info": [1.0] ,"user_id":"a b"}', 'a b', '{"user_id":"a b","user_info":[1.0]}'],
  ])('takes %s as the member %s', (data, id, info) => {
    expect(authorize('presence-a', signed('presence-a', data), data)).toEqual({ ok: true, member: { id, info } });
  });

  it.each([
    'null',
    'text',
    '{}',
    '{"user_id":""}',
    '{"user_id":null}',
    '{"user_id":{}}',
    `{"user_id":"${'u'.repeat(129)}"}`,
    `{"user_id":"u","user_info":"${'x'.repeat(2048)}"}`,
  ])('does not take %s', (data) => {
    expect(authorize('presence-a', signed('presence-a', data), data)).toMatchObject({
      ok: false,
      fault: { type: 'InvalidData', status: 400 },
    });
  });

  it('without channel_data is for the signed-in user', () => {
    expect(authorize('presence-a', signed('presence-a'), null, alice)).toEqual({ ok: true, member: alice });
    expect(authorize('presence-a', signed('presence-a'))).toEqual(unauthorized);
  });
});

describe('while the secret of the app is replaced', () => {
  const replaced = { key: vector.key, secret: 'new-secret', previousSecret: vector.secret };
  const userData = '{"id":"12345"}';
  const frame = { kind: 'subscribe', channel: 'private-foobar', channelData: null } as const;
  const subscribe = (app: typeof vector, auth: string) =>
    authorizeSubscribe(app, SOCKET, channelKind(frame.channel), { ...frame, auth }, null).ok;
  const signIn = (app: typeof vector, auth: string) => isSignedIn(app, SOCKET, { kind: 'sign-in', auth, userData });

  it('channels and users may be signed with either', () => {
    for (const secret of ['new-secret', vector.secret]) {
      expect(subscribe(replaced, `${vector.key}:${channelSignature(secret, SOCKET, frame.channel)}`)).toBe(true);
      expect(signIn(replaced, `${vector.key}:${userSignature(secret, SOCKET, userData)}`)).toBe(true);
    }
  });

  it('no other is taken, and the one before only as long as it stands there', () => {
    const other = `${vector.key}:${channelSignature('other', SOCKET, frame.channel)}`;
    expect(subscribe(replaced, other)).toBe(false);
    expect(signIn(replaced, `${vector.key}:${userSignature('other', SOCKET, userData)}`)).toBe(false);
    const { previousSecret: _, ...after } = replaced;
    expect(subscribe(after, `${vector.key}:${PRIVATE}`)).toBe(false);
    expect(signIn(after, `${vector.key}:${USER}`)).toBe(false);
  });
});

it('a public channel needs no signature', () => {
  expect(authorize('news', '').ok).toBe(true);
  expect(authorize('cache-news', 'wrong').ok).toBe(true);
});

it('the channel of a user is for that user alone, whatever is signed', () => {
  expect(authorize('#server-to-user-alice', '', null, alice)).toEqual({ ok: true, member: null });
  expect(authorize('#server-to-user-bob', signed('#server-to-user-bob'), null, alice)).toEqual(unauthorized);
  expect(authorize('#server-to-user-alice', signed('#server-to-user-alice'))).toEqual(unauthorized);
});

it('names that cannot be channels are refused', () => {
  expect(['a', 'App.User-1_=@,;'].map((name) => channelFault(name))).toEqual([null, null]);
  for (const name of ['', 'a b', 'ä', '#online-alice', 'a'.repeat(201), '!app!a', '{a}']) {
    expect(channelFault(name)).toMatchObject({ type: 'InvalidChannel', status: 400 });
  }
});

it('a sign-in takes the signature of the documentation, and no other', () => {
  const userData = '{"id":"12345"}';
  expect(isSignedIn(vector, SOCKET, { kind: 'sign-in', auth: `${vector.key}:${USER}`, userData })).toBe(true);
  expect(isSignedIn(vector, SOCKET, { kind: 'sign-in', auth: `${vector.key}:${USER}`, userData: '{}' })).toBe(false);
  expect(userSignature(vector.secret, SOCKET, userData)).toBe(USER);
});
