import { apiKey } from '@holdfast/protocol/api-key';
import { describe, expect, test } from 'vitest';
import { deniedTopics, requireReading, requireRight, requireTopics } from './authorization.ts';
import { principalOfKey } from './principal.ts';

const keyWith = (can: object) => principalOfKey(apiKey.parse({ id: 'k', secretSha256: '0'.repeat(64), can }));
const refused = expect.objectContaining({ code: 'not-permitted' }) as Error;

describe('rights', () => {
  test('of a key without any are none', () => {
    const key = keyWith({});
    for (const right of ['register', 'manage', 'publish to clients'] as const) {
      expect(() => requireRight(key, right)).toThrow(refused);
    }
    expect(deniedTopics(key, 'publish', ['a'])).toEqual(['a']);
  });

  test('to publish to clients come from @clients or **, and from no narrower pattern', () => {
    for (const publish of [['@clients'], ['**'], ['a', '@clients']]) {
      expect(() => requireRight(keyWith({ publish }), 'publish to clients')).not.toThrow();
    }
    for (const publish of [['*'], ['a.**'], []]) {
      expect(() => requireRight(keyWith({ publish }), 'publish to clients')).toThrow(refused);
    }
  });

  test('to publish to clients are none to publish to topics', () => {
    expect(deniedTopics(keyWith({ publish: ['@clients'] }), 'publish', ['clients', 'a'])).toEqual(['clients', 'a']);
  });

  test('over topics follow the patterns, and a refusal names the topics', () => {
    const key = keyWith({ subscribe: ['news.*', 'user.**'], publish: ['orders'] });
    expect(deniedTopics(key, 'subscribe', ['news.a', 'news.a.b', 'news', 'user.a.b', 'user'])).toEqual([
      'news.a.b',
      'news',
      'user',
    ]);
    expect(() => requireTopics(key, 'publish', ['orders', 'news.a'])).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ topics: ['news.a'] }) as object }) as Error,
    );
  });

  test('to read come with the right to subscribe or to publish', () => {
    const key = keyWith({ subscribe: ['news.*'], publish: ['orders'], manage: ['**'] });
    expect(() => requireReading(key, 'news.a')).not.toThrow();
    expect(() => requireReading(key, 'orders')).not.toThrow();
    expect(() => requireReading(key, 'other')).toThrow(refused);
  });
});
