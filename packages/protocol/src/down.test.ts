import { describe, expect, test } from 'vitest';
import { downFrame } from './down.ts';

describe('a frame from an edge', () => {
  test.each([
    { type: 'welcome', connection: 'c1', heartbeatMs: 25_000, topics: {} },
    {
      type: 'welcome',
      connection: 'c1',
      heartbeatMs: 25_000,
      topics: { 'news.sport': { position: '1732345678901-0' } },
    },
    { type: 'welcome', connection: 'c1', heartbeatMs: 1, topics: { '@me': { position: '1-0', recovered: false } } },
    { type: 'message', topic: 'news.sport', id: '1732345678902-0', data: { any: ['JSON', null, 1.5] } },
    { type: 'message', topic: '@me', id: '1-0', data: null },
    { type: 'subscribed', topic: 'news', position: '0-0' },
    { type: 'unsubscribed', topic: 'news', reason: 'requested' },
    { type: 'unsubscribed', topic: 'news', reason: 'topic-deleted' },
    { type: 'lost', topic: 'news', after: '1-0', position: '9-0' },
    { type: 'pong' },
  ])('may be $type', (frame) => {
    expect(downFrame.parse(frame)).toEqual(frame);
  });

  test('may carry what a newer edge adds: a client of today reads past it', () => {
    expect(downFrame.parse({ type: 'pong', more: 1 })).toEqual({ type: 'pong' });
  });

  test.each([
    { type: 'message', topic: 'news', id: '1-0' },
    { type: 'message', topic: 'no topic', id: '1-0', data: 1 },
    { type: 'subscribed', topic: 'news' },
    { type: 'unsubscribed', topic: 'news', reason: 'mood' },
    { type: 'lost', topic: 'news', after: '1', position: '9-0' },
    { type: 'ping' },
  ])('is not $type with a part missing or wrong', (frame) => {
    expect(downFrame.safeParse(frame).success).toBe(false);
  });
});
