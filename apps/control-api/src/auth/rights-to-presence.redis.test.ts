import { randomUUID } from 'node:crypto';
import { edgeBroker } from '@holdfast/broker/redis-broker';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestApi, startTestApi } from '../testing/api.ts';
import type { Answer } from '../testing/problem-matchers.ts';
import { type TestTokenKey, addTokenKey } from '../testing/token-keys.ts';

/**
 * Calls times identities: whose presence each may see, of the topics of Ann, of Bob, of one that is shared and one of
 * neither; and whether it may see who is connected.
 */
const TOPICS = { ann: 'user.ann.inbox', bob: 'user.bob.inbox', shared: 'news.today', neither: 'staff.only' };
type TopicOf = keyof typeof TOPICS;

/** It may read everything, so that nothing but the right to presence is in the way. */
const can = {
  register: true,
  subscribe: ['**'],
  publish: ['**'],
  presence: ['news.*', 'user.{user}.**', '@users'],
};

interface Identity {
  /** Of a token; null: the API key itself. */
  claims: object | null;
  presence: TopicOf[];
  users: boolean;
}
const may = (sub: string, presence?: string[]) => ({
  sub,
  hf: { may: { subscribe: ['**'], ...(presence && { presence }) } },
});
const IDENTITIES: Record<string, Identity> = {
  'the API key': { claims: null, presence: ['shared'], users: true },
  'the token of ann': { claims: { sub: 'ann' }, presence: ['ann', 'shared'], users: true },
  'the token of ann, whose may names no presence': { claims: may('ann'), presence: ['ann', 'shared'], users: true },
  'the token of ann, who may see no presence': { claims: may('ann', []), presence: [], users: false },
  'the token of ann, who may more than the key': {
    claims: may('ann', ['**']),
    presence: ['ann', 'shared'],
    users: false,
  },
  'the token of ann, who may only her own': { claims: may('ann', ['user.{user}.*']), presence: ['ann'], users: false },
  'the token of ann, who may what is of bob': { claims: may('ann', ['user.bob.*']), presence: [], users: false },
  'the token of ann, who may only see who is connected': {
    claims: may('ann', ['@users']),
    presence: [],
    users: true,
  },
  'the token of bob': { claims: { sub: 'bob' }, presence: ['bob', 'shared'], users: true },
  'the token of *': { claims: { sub: '*' }, presence: ['shared'], users: true },
  'the token of {user}': { claims: { sub: '{user}' }, presence: ['shared'], users: true },
  'the token of bob.inbox': { claims: { sub: 'bob.inbox' }, presence: ['shared'], users: true },
  'the token of @users': { claims: may('@users', ['{user}']), presence: [], users: false },
};

let api: TestApi;
let key: TestTokenKey;
beforeAll(async () => {
  api = await startTestApi();
  key = await addTokenKey(api, 'sight', { can });
  const edge = edgeBroker(api.redis.commands, api.prefix);
  const id = randomUUID();
  for (const topic of Object.values(TOPICS)) {
    await api.call('PUT', `/v1/topics/${topic}`, { key: 'all', body: { presence: {} } });
    await edge.notePresence(id, [topic]);
    await edge.changePresence(topic, id, {
      sequence: 2,
      confirmed: 0,
      first: 2,
      joined: [{ id: 'secret', info: null }],
      left: [],
    });
  }
});
afterAll(() => api.stop());

/** Whether a call was permitted; what is neither so nor refused for these topics is given as it is. */
function judgementOf({ status, body, text }: Answer, ...denied: string[]): boolean | string {
  if (status < 300) return true;
  const refused = status === 403 && body['code'] === 'not-permitted' && String(body['topics']) === String(denied);
  return refused && !text.includes('secret') ? false : text;
}

describe.each(Object.entries(IDENTITIES))('%s', (_, { claims, presence, users }) => {
  const headers = async () =>
    claims === null ? key.asKey : { authorization: `Bearer ${await key.sign({ ...claims })}` };
  const call = async (method: 'GET' | 'POST', path: string, body?: object) =>
    api.call(method, path, { headers: await headers(), ...(body && { body }) });

  describe.each(Object.entries(TOPICS))('and the topic of %s', (whose, topic) => {
    const allowed = presence.some((known) => known === whose);

    test(`sees who is present: ${allowed}`, async () => {
      const answer = await call('GET', `/v1/topics/${topic}/presence`);
      expect(judgementOf(answer, topic)).toBe(allowed);
      expect(answer.text.includes('"secret"')).toBe(allowed);
    });

    test(`counts who is present, alone or among others: ${allowed}`, async () => {
      expect(judgementOf(await call('POST', '/v1/presence/count', { topics: [topic] }), topic)).toBe(allowed);
      const two = [TOPICS.shared, topic];
      const denied = [...new Set(two)].filter((each) => !presence.some((known) => TOPICS[known] === each));
      expect(judgementOf(await call('POST', '/v1/presence/count', { topics: two }), ...denied)).toBe(
        denied.length === 0,
      );
    });

    // An API key sees the number of any topic, as it sees that of subscribers.
    test(`reads their number with the topic: ${claims === null || allowed}`, async () => {
      const { status, body } = await call('GET', `/v1/topics/${topic}`);
      expect({ status, present: body['present'] }).toEqual({
        status: 200,
        present: claims === null || allowed ? 1 : null,
      });
    });
  });

  test.each(['ann', 'bob'])(`sees whether %s is connected: ${users}`, async (user) => {
    const answers = [await call('GET', `/v1/users/${user}`), await call('POST', '/v1/users/status', { users: [user] })];
    expect(answers.map(({ status, body }) => body['code'] ?? status)).toEqual(
      answers.map(() => (users ? 200 : 'not-permitted')),
    );
  });
});

describe.each(Object.keys(TOPICS) as TopicOf[])('the UUID of ann, in place of a key, and the topic of %s', (whose) => {
  test('sees no presence', async () => {
    const clientId = await api.client({ key: 'people', user: 'ann' });
    for (const headers of [{ authorization: `Bearer ${clientId}` }, { 'x-api-key': clientId }]) {
      const answers = [
        await api.call('GET', `/v1/topics/${TOPICS[whose]}/presence`, { headers }),
        await api.call('POST', '/v1/presence/count', { headers, body: { topics: [TOPICS[whose]] } }),
        await api.call('GET', `/v1/topics/${TOPICS[whose]}`, { headers }),
      ];
      expect(answers.map(({ status }) => status)).toEqual([403, 403, 403]);
      expect(answers.filter(({ text }) => text.includes('secret'))).toEqual([]);
    }
  });
});
