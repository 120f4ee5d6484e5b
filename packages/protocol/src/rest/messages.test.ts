import { describe, expect, test } from 'vitest';
import { MAX_BATCH_MESSAGES } from '../limits.ts';
import { batchMessage, batchRequest, batchResult, idempotencyKey } from './messages.ts';

describe('a message of a batch', () => {
  test('goes to its topics, with any value', () => {
    for (const data of [null, 0, '', false, {}, []]) {
      expect(batchMessage.parse({ topics: ['a', 'b'], data })).toEqual({ topics: ['a', 'b'], data });
    }
  });

  test('has data, even if it may be null', () => {
    expect(batchMessage.safeParse({ topics: ['a'] }).success).toBe(false);
  });

  test.each([{ data: 1 }, { topics: [], data: 1 }, { topics: ['a b'], data: 1 }, { topics: ['a'], data: 1, more: 1 }])(
    'is refused as %j',
    (message) => {
      expect(batchMessage.safeParse(message).success).toBe(false);
    },
  );
});

describe('a batch', () => {
  test('does not judge its messages', () => {
    expect(batchRequest.parse({ messages: [7, null, {}] })).toEqual({ messages: [7, null, {}] });
  });

  test('is bounded, and not empty', () => {
    const messages = Array.from({ length: MAX_BATCH_MESSAGES }, () => ({}));
    expect(batchRequest.safeParse({ messages }).success).toBe(true);
    expect(batchRequest.safeParse({ messages: [...messages, {}] }).success).toBe(false);
    expect(batchRequest.safeParse({ messages: [] }).success).toBe(false);
    expect(batchRequest.safeParse({ messages, more: 1 }).success).toBe(false);
  });

  test('is answered with ids by topic, however few were published to', () => {
    expect(batchResult.parse({ ok: true, ids: { a: '1-0' } }).ids).toEqual({ a: '1-0' });
    expect(batchResult.parse({ ok: false, ids: {}, code: 'topic-not-found', topics: ['b'] }).ids).toEqual({});
  });
});

test('an idempotency key is 1 to 200 visible ASCII characters', () => {
  for (const right of ['a', '{}', '8e03978e-40d5-43dd-bc93-6894a57f9324', '~'.repeat(200)]) {
    expect(idempotencyKey.parse(right)).toBe(right);
  }
  const wrong = ['', ' ', 'a b', 'é', 'a\n', '~'.repeat(201), 7];
  expect(wrong.filter((key) => idempotencyKey.safeParse(key).success)).toEqual([]);
});
