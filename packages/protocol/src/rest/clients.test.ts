import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_TOPICS } from '../limits.ts';
import { clientResponse, registerRequest, topicList, topicsRequest } from './clients.ts';

const topic = fc.stringMatching(/^[a-z]{1,3}(\.[a-z]{1,3})?$/);
const topics = fc.array(topic, { minLength: 1, maxLength: 20 });
const faults = (value: unknown) =>
  topicsRequest.safeParse(value).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];

describe('topics in a request', () => {
  test('are a list or a string with commas, and each counts once', () => {
    fc.assert(
      fc.property(topics, fc.constantFrom(',', ', ', ' ,'), (names, comma) => {
        const once = [...new Set(names)];
        expect(topicList.parse(names)).toEqual(once);
        expect(topicList.parse(names.join(comma))).toEqual(once);
      }),
    );
  });

  test('are refused with the place and the rule when one is wrong', () => {
    expect(faults({ topics: 'a,b c' })).toEqual([expect.stringMatching(/^topics\.1: must be segments/)]);
    expect(faults({ topics: ['a', 'b.'] })).toEqual([expect.stringMatching(/^topics\.1: must be segments/)]);
    expect(faults({ topics: '' })).toEqual([expect.stringMatching(/^topics\.0: must be segments/)]);
    expect(faults({ topics: 'a,' })).toEqual([expect.stringMatching(/^topics\.1: /)]);
    expect(faults({ topics: [] })).toEqual(['topics: must name at least one topic']);
    const many = Array.from({ length: MAX_TOPICS + 1 }, (_, index) => `t${index}`);
    expect(faults({ topics: many })).toEqual([`topics: must name at most ${MAX_TOPICS} topics`]);
    expect(faults({ topics: many.slice(1) })).toEqual([]);
  });

  test.each([7, null, {}, [7], undefined])('are refused with what they may be when they are %j', (value) => {
    expect(faults({ topics: value })).toEqual(['topics: must be a list of topics, or a text with commas between them']);
  });

  test('stand alone', () => {
    expect(faults({ topics: 'a', topic: 'b' })).toEqual([expect.stringMatching(/topic/)]);
    expect(topicsRequest.safeParse(null).success).toBe(false);
  });
});

describe('a registration', () => {
  test('needs nothing', () => {
    expect(registerRequest.parse(undefined)).toBeUndefined();
    expect(registerRequest.parse(null)).toBeNull();
    expect(registerRequest.parse({})).toEqual({});
    expect(registerRequest.parse({ topics: [] })).toEqual({ topics: [] });
  });

  test('may bring a name, topics and a client id', () => {
    const clientId = 'a0b1c2d3-0000-4000-8000-00000000000f';
    expect(registerRequest.parse({ name: 'Zoë ☕', topics: 'a,b,a', clientId: clientId.toUpperCase() })).toEqual({
      name: 'Zoë ☕',
      topics: ['a', 'b'],
      clientId,
    });
  });

  test.each([
    { name: '' },
    { name: 'x'.repeat(101) },
    { name: 'a\u0000b' },
    { name: 'a\ud800' },
    { name: '\udc00\ud800' },
    { name: 7 },
    { clientId: 'me' },
    { clientId: 'a0b1c2d3-0000-1000-8000-00000000000f' },
    { topics: '' },
    { surname: 'x' },
    [],
    'x',
  ])('is refused as %j', (body) => {
    expect(registerRequest.safeParse(body).success).toBe(false);
  });
});

const rules = (name: string) => registerRequest.safeParse({ name }).error?.issues.map(({ message }) => message);

test('names that are no Unicode are refused with the rule, and pairs of surrogates are not', () => {
  expect(rules('x\ud83d')).toEqual(['must be well-formed Unicode, without lone surrogates']);
  expect(rules('x\ud83d\ude00')).toBeUndefined();
});

test('a client is shown with what its edge serves, by topic', () => {
  const shown = {
    clientId: 'a0b1c2d3-0000-4000-8000-00000000000f',
    ref: '0123456789abcdef',
    name: null,
    key: 'mobile',
    registeredAt: '2026-01-01T00:00:00.000Z',
    topics: ['a'],
    connected: true,
    edge: 'e1',
    connection: 'c1',
    since: '2026-01-01T00:00:00.000Z',
    user: 'ann',
    info: { name: 'Ann' },
    may: { subscribe: ['room.*'], publish: ['room.{user}'] },
    expiresAt: '2026-01-01T01:00:00.000Z',
    clientExpirySeconds: 604_800,
    served: { a: { position: '1-0' }, '@me': { position: '2-0' } },
  };
  expect(clientResponse.parse(shown)).toEqual(shown);
});
