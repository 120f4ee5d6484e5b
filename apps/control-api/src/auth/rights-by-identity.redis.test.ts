import { registerResponse } from '@holdfast/protocol/rest/clients';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { GivenIdentity } from '../clients/client-identity.ts';
import { type TestApi, expectBody, startTestApi } from '../testing/api.ts';

/**
 * Calls times identities: what each of two users of one API key may do with the topics of either, and with one that is
 * shared. The key may `["news.*", "user.{user}.**"]`.
 */
const TOPICS = { ann: 'user.ann.inbox', bob: 'user.bob.inbox', shared: 'news.today', neither: 'staff.only' };
type TopicOf = keyof typeof TOPICS;

let api: TestApi;
let ids: Record<string, string>;
beforeAll(async () => {
  api = await startTestApi();
  await api.topics(...Object.values(TOPICS));
});
afterAll(() => api.stop());
/** Who each client is. */
const WHO: Record<string, GivenIdentity> = {
  ann: { user: 'ann' },
  bob: { user: 'bob' },
  nobody: {},
  'ann, who may only read news': { user: 'ann', may: { subscribe: ['news.*'] } },
  'ann, who may more than the key': { user: 'ann', may: { subscribe: ['**'] } },
  'ann, who may only her own': { user: 'ann', may: { subscribe: ['user.{user}.*'] } },
  'ann, who may nothing': { user: 'ann', may: {} },
  // Names that are patterns, or several segments, stand for themselves: for no topic at all.
  '*': { user: '*' },
  'bob.inbox': { user: 'bob.inbox' },
  '{user}': { user: '{user}' },
  '**': { user: '**' },
};
beforeEach(async () => {
  const registered = Object.entries(WHO).map(async ([who, identity]) => [
    who,
    await api.client({ key: 'people', ...identity }),
  ]);
  ids = Object.fromEntries(await Promise.all(registered)) as typeof ids;
});

const MAY_SUBSCRIBE: Record<string, TopicOf[]> = {
  ann: ['ann', 'shared'],
  bob: ['bob', 'shared'],
  nobody: ['shared'],
  'ann, who may only read news': ['shared'],
  'ann, who may more than the key': ['ann', 'shared'],
  'ann, who may only her own': ['ann'],
  'ann, who may nothing': [],
  '*': ['shared'],
  'bob.inbox': ['shared'],
  '{user}': ['shared'],
  '**': ['shared'],
};
const everyCell = Object.entries(MAY_SUBSCRIBE).flatMap(([who, allowed]) =>
  (Object.keys(TOPICS) as TopicOf[]).map((whose) => ({
    who,
    whose,
    topic: TOPICS[whose],
    allowed: allowed.includes(whose),
  })),
);
const allowedCells = everyCell.filter(({ allowed }) => allowed);
const deniedCells = everyCell.filter(({ allowed }) => !allowed);

/** Without what the client itself may. */
const isPlain = ({ who }: { who: string }) => WHO[who]?.may === undefined;

const idOf = (who: string) => ids[who] ?? '';
const topicsOf = async (who: string) =>
  [...((await api.broker.readClient(idOf(who)))?.topics.keys() ?? [])].filter((topic) => !topic.startsWith('@'));

const subscribe = (who: string, topics: string[]) =>
  api.call('POST', `/v1/clients/${idOf(who)}/topics`, { body: { topics } });

const register = (user: string | undefined, topic: string) =>
  api.call('POST', '/v1/clients', {
    key: 'people',
    body: { ...(user === undefined ? {} : { user }), topics: [topic] },
  });

describe('Subscribe by UUID', () => {
  test.each(allowedCells)('$who to $topic: yes', async ({ who, topic }) => {
    expect((await subscribe(who, [topic])).body).toMatchObject({ topics: [topic] });
    expect(await topicsOf(who)).toEqual([topic]);
  });

  test.each(deniedCells)('$who to $topic: no', async ({ who, topic }) => {
    expect(await subscribe(who, [topic])).toBeProblem(403, 'not-permitted', { topics: [topic] });
    // Nor together with one that it may.
    expect(await subscribe(who, [TOPICS.shared, topic])).toMatchObject({ status: 403 });
    expect(await topicsOf(who)).toEqual([]);
  });
});

describe.each(Object.keys(MAY_SUBSCRIBE))('with the UUID of %s', (who) => {
  // Nothing but its own subscriptions is changed, and to leave needs no right.
  test.each(Object.values(TOPICS))('UnSubscribe from %s touches no other client', async (topic) => {
    const before = await api.broker.readClients(Object.values(ids));
    const answer = await api.call('DELETE', `/v1/clients/${idOf(who)}/topics`, { body: { topics: [topic] } });
    expect(answer.body).toMatchObject({ topics: [] });
    expect(await api.broker.readClients(Object.values(ids))).toEqual(before);
  });

  // A UUID is no credential of these calls, whatever the topic.
  test.each(Object.values(TOPICS))('publish to, read, make, look at and delete %s: no', async (topic) => {
    const headers = { authorization: `Bearer ${idOf(who)}` };
    const last = (await api.broker.readTopics([topic]))[0]?.last;
    const answers = [
      await api.call('POST', `/v1/topics/${topic}/messages`, { headers, body: 1 }),
      await api.call('POST', '/v1/messages', { headers, body: { messages: [{ topics: [topic], data: 1 }] } }),
      await api.call('GET', `/v1/topics/${topic}/messages`, { headers }),
      await api.call('PUT', `/v1/topics/${topic}`, { headers, body: {} }),
      await api.call('GET', `/v1/topics/${topic}`, { headers }),
      await api.call('DELETE', `/v1/topics/${topic}`, { headers }),
    ];
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 403));
    expect((await api.broker.readTopics([topic]))[0]?.last).toBe(last);
  });

  test.each(['ann', 'bob'])('look at, write to, disconnect and revoke the user %s: no', async (user) => {
    const headers = { authorization: `Bearer ${idOf(who)}` };
    const answers = [
      await api.call('GET', `/v1/users/${user}`, { headers }),
      await api.call('POST', '/v1/users/status', { headers, body: { users: [user] } }),
      await api.call('POST', `/v1/users/${user}/messages`, { headers, body: 1 }),
      await api.call('POST', `/v1/users/${user}/disconnect`, { headers }),
      await api.call('POST', `/v1/users/${user}/revoke`, { headers }),
      await api.call('GET', `/v1/clients?user=${user}`, { headers }),
    ];
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 403));
  });

  test('GET shows its own client, and Unregister ends that one alone', async () => {
    const id = idOf(who);
    expect((await api.call('GET', `/v1/clients/${id}`)).body).toMatchObject({ clientId: id });
    const others = Object.values(ids).filter((other) => other !== id);
    const before = await api.broker.readClients(others);
    expect((await api.call('DELETE', `/v1/clients/${id}`)).status).toBe(200);
    expect(await api.broker.readClients(others)).toEqual(before);
    expect(await api.broker.readClient(id)).toBeNull();
  });
});

describe('Register by the key, for a user', () => {
  test.each(allowedCells.filter(isPlain))('$who with $topic: yes', async ({ who, topic }) => {
    expect(expectBody(await register(WHO[who]?.user, topic), 201, registerResponse).topics).toEqual([topic]);
  });

  test.each(deniedCells.filter(isPlain))('$who with $topic: no', async ({ who, topic }) => {
    expect(await register(WHO[who]?.user, topic)).toBeProblem(403, 'not-permitted', { topics: [topic] });
  });

  test('is bound by the key, not by what the client may do itself', async () => {
    const body = { user: 'ann', may: {}, topics: [TOPICS.ann] };
    expect((await api.call('POST', '/v1/clients', { key: 'people', body })).status).toBe(201);
  });
});

describe('the key itself, which is no user', () => {
  test.each([TOPICS.ann, TOPICS.bob])('has no right to %s by {user}', async (topic) => {
    const publish = await api.call('POST', `/v1/topics/${topic}/messages`, { key: 'people', body: 1 });
    expect(publish).toBeProblem(403, 'not-permitted', { topics: [topic] });
    const read = await api.call('GET', `/v1/topics/${topic}/messages`, { key: 'people' });
    expect(read).toBeProblem(403, 'not-permitted', { topics: [topic] });
  });
});
