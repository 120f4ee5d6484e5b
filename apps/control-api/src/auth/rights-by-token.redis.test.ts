import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestApi, startTestApi } from '../testing/api.ts';
import type { Answer } from '../testing/problem-matchers.ts';
import { addTokenKey, callWith, registerWith } from '../testing/token-keys.ts';
import type { TokenIssuer } from '../testing/token-issuer.ts';

/**
 * Calls times tokens: what each may do with the topics of Ann, of Bob, with one that is shared and one of neither. The key
 * may subscribe to `["news.*", "user.{user}.**"]` and publish to `["user.{user}.**", "@clients", "@users"]`.
 */
const TOPICS = { ann: 'user.ann.inbox', bob: 'user.bob.inbox', shared: 'news.today', neither: 'staff.only' };
type TopicOf = keyof typeof TOPICS;

const can = {
  subscribe: ['news.*', 'user.{user}.**'],
  publish: ['user.{user}.**', '@clients', '@users'],
  create: ['user.{user}.made', 'room.*'],
  manage: ['**'],
};

const EVERYTHING = { subscribe: ['**'], publish: ['**'] };
/** Whose token, and the topics of which it may be subscribed, subscribe by itself, read and publish to. */
const TOKENS: Record<
  string,
  { claims: object; given: TopicOf[]; subscribe: TopicOf[]; read: TopicOf[]; publish: TopicOf[] }
> = {
  'ann, without may': {
    claims: { sub: 'ann' },
    given: ['ann', 'shared'],
    subscribe: ['ann', 'shared'],
    read: ['ann', 'shared'],
    publish: [],
  },
  'ann, who may everything': {
    claims: { sub: 'ann', hf: { may: EVERYTHING } },
    given: ['ann', 'shared'],
    subscribe: ['ann', 'shared'],
    read: ['ann', 'shared'],
    publish: ['ann'],
  },
  'ann, who may nothing': {
    claims: { sub: 'ann', hf: { may: {} } },
    given: ['ann', 'shared'],
    subscribe: [],
    read: [],
    publish: [],
  },
  'ann, who may only write to her own': {
    claims: { sub: 'ann', hf: { may: { publish: ['user.{user}.inbox'] } } },
    given: ['ann', 'shared'],
    subscribe: [],
    read: ['ann'],
    publish: ['ann'],
  },
  bob: {
    claims: { sub: 'bob' },
    given: ['bob', 'shared'],
    subscribe: ['bob', 'shared'],
    read: ['bob', 'shared'],
    publish: [],
  },
  '*': {
    claims: { sub: '*', hf: { may: EVERYTHING } },
    given: ['shared'],
    subscribe: ['shared'],
    read: ['shared'],
    publish: [],
  },
  '{user}': {
    claims: { sub: '{user}', hf: { may: EVERYTHING } },
    given: ['shared'],
    subscribe: ['shared'],
    read: ['shared'],
    publish: [],
  },
  'bob.inbox': {
    claims: { sub: 'bob.inbox', hf: { may: EVERYTHING } },
    given: ['shared'],
    subscribe: ['shared'],
    read: ['shared'],
    publish: [],
  },
};

let api: TestApi;
let issuer: TokenIssuer;
beforeAll(async () => {
  api = await startTestApi();
  issuer = await addTokenKey(api, 'web', { can });
  await api.topics(...Object.values(TOPICS));
});
afterAll(() => api.stop());

const lastOf = async (topic: string) => (await api.broker.readTopics([topic]))[0]?.last;

/** Whether a call was permitted; what is neither so nor refused for this topic is given as it is. */
function judgementOf({ status, body, text }: Answer, topic: string): boolean | string {
  if (status < 300) return true;
  const refused = status === 403 && body['code'] === 'not-permitted' && String(body['topics']) === topic;
  return refused ? false : text;
}

describe.each(Object.entries(TOKENS))('the token of %s', (_, { claims, ...allowed }) => {
  let token: string;
  beforeEach(async () => (token = await issuer.sign({ ...claims })));

  describe.each(Object.entries(TOPICS))('and the topic of %s', (whose, topic) => {
    const may = (what: keyof typeof allowed) => allowed[what].some((known) => known === whose);

    test(`registers with it: ${may('given')}`, async () => {
      const hf = { ...('hf' in claims ? (claims.hf as object) : {}), client: crypto.randomUUID(), topics: [topic] };
      const answer = await callWith(api, await issuer.sign({ ...claims, hf }), 'POST', '/v1/clients');
      expect(judgementOf(answer, topic)).toBe(may('given'));
      expect((await api.broker.findByName('web', hf.client)) !== null).toBe(may('given'));
    });

    test(`subscribes to it: ${may('subscribe')}`, async () => {
      const clientId = await registerWith(api, token);
      const path = `/v1/clients/${clientId}/topics`;
      // By the token, and by the UUID, which is bound by the token that it was registered with.
      for (const call of [callWith.bind(null, api, token), api.call]) {
        await callWith(api, token, 'DELETE', path, { body: { topics: [topic] } });
        expect(judgementOf(await call('POST', path, { body: { topics: [topic] } }), topic)).toBe(may('subscribe'));
        expect((await api.broker.readClient(clientId))?.topics.has(topic)).toBe(may('subscribe'));
      }
    });

    test(`reads and looks at it: ${may('read')}`, async () => {
      for (const path of [`/v1/topics/${topic}`, `/v1/topics/${topic}/messages`]) {
        expect(judgementOf(await callWith(api, token, 'GET', path), topic)).toBe(may('read'));
      }
    });

    test(`publishes to it: ${may('publish')}`, async () => {
      const path = `/v1/topics/${topic}/messages`;
      const before = await lastOf(topic);
      expect(judgementOf(await callWith(api, token, 'POST', path, { body: 1 }), topic)).toBe(may('publish'));
      const between = await lastOf(topic);
      await callWith(api, token, 'POST', '/v1/messages', { body: { messages: [{ topics: [topic], data: 1 }] } });
      // Whether the one and the batch have added something.
      expect([before !== between, between !== (await lastOf(topic))]).toEqual([may('publish'), may('publish')]);
    });

    test('makes, changes and deletes it: never', async () => {
      for (const method of ['PUT', 'DELETE'] as const) {
        expect(await callWith(api, token, method, `/v1/topics/${topic}`)).toBeProblem(403, 'not-permitted');
      }
    });
  });

  test('looks at, writes to, disconnects and revokes no user and no other client', async () => {
    const bobs = await registerWith(api, await issuer.sign({ sub: 'carol' }));
    const calls = [
      ['GET', '/v1/users/carol'],
      ['POST', '/v1/users/status', { users: ['carol'] }],
      ['POST', '/v1/users/carol/disconnect'],
      ['POST', '/v1/users/carol/revoke'],
      ['GET', '/v1/clients?user=carol'],
      ['GET', `/v1/clients/${bobs}`],
      ['DELETE', `/v1/clients/${bobs}`],
      ['POST', `/v1/clients/${bobs}/disconnect`],
      ['POST', `/v1/clients/${bobs}/topics`, { topics: TOPICS.shared }],
      ['DELETE', `/v1/clients/${bobs}/topics`, { topics: TOPICS.shared }],
    ] as const;
    const before = await api.broker.readClient(bobs);
    for (const [method, path, body] of calls) {
      const answer = await callWith(api, token, method, path, body === undefined ? {} : { body });
      expect(answer).toBeProblem(403, 'not-permitted');
    }
    expect(await api.broker.readClient(bobs)).toEqual(before);
  });
});

describe('topics on demand', () => {
  test('are made for a token where the API key may create them, with its user for {user}', async () => {
    const topics = ['user.dora.made', 'news.today'];
    const answer = await callWith(api, await issuer.sign({ sub: 'dora', hf: { topics } }), 'POST', '/v1/clients');
    expect(answer.body).toMatchObject({ topics: ['news.today', 'user.dora.made'] });
    expect(await api.broker.readTopics(['user.dora.made'])).not.toContain(null);
  });

  test('are made by none of another user, nor where it may not subscribe', async () => {
    const register = async (topic: string) =>
      callWith(api, await issuer.sign({ sub: 'dora', hf: { topics: [topic] } }), 'POST', '/v1/clients');
    expect(await register('user.bob.made')).toBeProblem(403, 'not-permitted');
    expect(await register('room.a')).toBeProblem(403, 'not-permitted');
    expect(await register('user.dora.other')).toBeProblem(404, 'topic-not-found');
    expect(await api.broker.readTopics(['user.bob.made', 'room.a', 'user.dora.other'])).toEqual([null, null, null]);
  });
});
