import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestApi, startTestApi } from '../testing/api.ts';
import { type TestTokenKey, addTokenKey, callWith, registerWith } from '../testing/token-keys.ts';

/**
 * What a token of Ann may write to: topics on demand of hers and of Bob's, single clients, users; and what she gets to know
 * by keys for idempotency that Bob has used.
 */
const OWN = ['user.{user}.**', 'news.*'];
const can = { register: true, subscribe: OWN, publish: [...OWN, '@clients', '@users'], create: ['user.{user}.*'] };

let api: TestApi;
let key: TestTokenKey;
/** May subscribe and publish to everything, and create its own. */
let wide: TestTokenKey;
beforeAll(async () => {
  api = await startTestApi();
  key = await addTokenKey(api, 'pens', { can });
  wide = await addTokenKey(api, 'wide', { can: { ...can, subscribe: ['**'], publish: ['**'] } });
  await api.topics('news.today');
});
afterAll(() => api.stop());

const tokenOf = (sub: string, publish = ['**'], by = key) =>
  by.sign({ sub, hf: { client: `${sub}.tab`, may: { subscribe: ['**'], publish } } });

describe('topics on demand', () => {
  type Make = (by: TestTokenKey, user: string, topic: string) => Promise<{ status: number; text: string }>;
  const all = ['**'];
  /** Every call that makes topics, by the token of a user. */
  const CALLS: Record<string, Make> = {
    Register: async (by, sub, topic) =>
      callWith(api, await by.sign({ sub, hf: { topics: [topic] } }), 'POST', '/v1/clients'),
    'Subscribe by token': async (by, user, topic) => {
      const token = await tokenOf(user, all, by);
      const path = `/v1/clients/${await registerWith(api, token)}/topics`;
      return callWith(api, token, 'POST', path, { body: { topics: topic } });
    },
    'Subscribe by UUID': async (by, user, topic) => {
      const path = `/v1/clients/${await registerWith(api, await tokenOf(user, all, by))}/topics`;
      return api.call('POST', path, { body: { topics: topic } });
    },
    publish: async (by, user, topic) =>
      callWith(api, await tokenOf(user, all, by), 'POST', `/v1/topics/${topic}/messages`, { body: 1 }),
    'publish in a batch': async (by, user, topic) => {
      const token = await tokenOf(user, all, by);
      const { text } = await callWith(api, token, 'POST', '/v1/messages', {
        body: { messages: [{ topics: [topic], data: 1 }] },
      });
      return { status: text.includes('not-permitted') ? 403 : text.includes('topic-not-found') ? 404 : 202, text };
    },
  };

  describe.each(Object.entries(CALLS))('by %s', (name, make) => {
    const made = (user: string, more: string) => `user.${user}.${name.replaceAll(' ', '-')}-${more}`;
    test.each([
      ['ann', 'ann', true],
      ['ann', 'bob', false],
      ['*', 'bob', false],
      ['{user}', 'bob', false],
      ['bob.x', 'bob', false],
    ])('by %s for %s: %s', async (who, whose, allowed) => {
      const answers = [await make(key, who, made(whose, 'own')), await make(wide, who, made(whose, 'wide'))];
      const expected = allowed ? ['2', '2'] : ['403', '404'];
      expect(answers.map(({ status }) => (status < 300 ? '2' : String(status)))).toEqual(expected);
      const states = await api.broker.readTopics([made(whose, 'own'), made(whose, 'wide')]);
      expect(states.map((state) => state !== null)).toEqual([allowed, allowed]);
    });
  });
});

describe('messages to single clients and to users', () => {
  test.each([
    [['**'], true, true],
    [['@users'], false, true],
    [['@clients'], true, false],
    [['user.**', '*', 'user.{user}.**'], false, false],
    [[], false, false],
  ])('need @clients and @users in the API key and in may.publish: %j', async (publish, toClients, toUsers) => {
    const bobs = await api.client({ key: 'people', user: 'bob' });
    const token = await tokenOf('ann', publish);
    const send = async (path: string) => callWith(api, token, 'POST', path, { body: 'from ann' });
    const codeOf = async (path: string) => (await send(path)).body['code'] ?? 'sent';
    expect([await codeOf(`/v1/clients/${bobs}/messages`), await codeOf('/v1/users/bob/messages')]).toEqual(
      [toClients, toUsers].map((allowed) => (allowed ? 'sent' : 'not-permitted')),
    );
  });
});

describe('an Idempotency-Key that bob has used', () => {
  const headers = { 'idempotency-key': 'bobs' };
  const publishBy = async (who: string, path: string, body: unknown) =>
    who === 'key'
      ? api.call('POST', path, { headers: { ...headers, ...key.asKey }, body })
      : callWith(api, await tokenOf(who), 'POST', path, { headers, body });

  test.each(['ann', 'key', 'bob.tab', 'b', 'bob '])(
    'tells %s nothing of his message on a shared topic',
    async (who) => {
      const path = '/v1/topics/news.today/messages';
      const his = await publishBy('bob', path, { text: who });
      expect(his.status).toBe(202);
      const last = (await api.broker.readTopics(['news.today']))[0]?.last;
      for (const body of [{ text: who }, { text: 'another' }]) {
        const answer = await publishBy(who, path, body);
        expect(answer).toBeProblem(409, 'idempotency-conflict');
        expect(answer.text).not.toContain(String(his.body['id']));
      }
      expect((await api.broker.readTopics(['news.today']))[0]?.last).toBe(last);
      expect((await publishBy('bob', path, { text: who })).body).toEqual(his.body);
      await api.broker.deleteTopic('news.today');
      await api.topics('news.today');
    },
  );

  test('is not repeated for ann on a topic of his, nor to his client or himself without the right', async () => {
    await api.topics('user.bob.inbox');
    const bobs = await api.client({ key: 'people', user: 'bob' });
    const paths = ['/v1/topics/user.bob.inbox/messages', `/v1/clients/${bobs}/messages`, '/v1/users/bob/messages'];
    const few = await tokenOf('ann', ['user.**']);
    for (const path of paths) {
      expect((await publishBy('bob', path, 1)).status).toBe(202);
      expect(await callWith(api, few, 'POST', path, { headers, body: 1 })).toBeProblem(403, 'not-permitted');
    }
  });
});
