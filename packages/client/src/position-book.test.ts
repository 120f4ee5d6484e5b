import type { WelcomeTopic } from '@holdfast/protocol/down';
import { describe, expect, it } from 'vitest';
import { PositionBook } from './position-book.ts';

function welcome(topics: Record<string, WelcomeTopic>) {
  return { type: 'welcome' as const, connection: 'c', heartbeatMs: 25_000, topics };
}

function message(id: string) {
  return { type: 'message' as const, topic: 'news', id, data: null };
}

describe('PositionBook', () => {
  it('takes what was kept as seen: an edge that replays too much repeats nothing', () => {
    const book = new PositionBook({ news: '5-0' });
    expect(['4-9', '5-0', '5-1'].map((id) => book.message(message(id)))).toEqual([false, false, true]);
    expect(book.duplicates).toBe(2);
  });

  it('forgets a topic that the welcome does not name', () => {
    const book = new PositionBook({ news: '5-0', old: '1-0' });
    book.welcome(welcome({ news: { position: '5-0', recovered: true } }));
    expect(book.snapshot()).toEqual({ news: '5-0' });
  });

  it('takes messages of a log that began again below what was delivered', () => {
    const book = new PositionBook({ news: '900-0' });
    expect(book.welcome(welcome({ news: { position: '10-0', recovered: false } }))).toHaveLength(1);
    expect(book.snapshot()).toEqual({ news: '10-0' });
    expect(book.message(message('11-0'))).toBe(true);
    expect(book.message(message('11-0'))).toBe(false);
  });

  it('still repeats nothing after a loss that lies above what was delivered', () => {
    const book = new PositionBook({ news: '5-0' });
    book.lost({ type: 'lost', topic: 'news', after: '5-0', position: '9-0' });
    expect(book.message(message('5-0'))).toBe(false);
    expect(book.message(message('10-0'))).toBe(true);
  });

  it('repeats nothing after a loss that ends at the last message delivered', () => {
    const book = new PositionBook({ news: '5-0' });
    book.lost({ type: 'lost', topic: 'news', after: '4-0', position: '5-0' });
    expect(book.message(message('5-0'))).toBe(false);
    expect(book.welcome(welcome({ news: { position: '5-0', recovered: false } }))).toHaveLength(1);
    expect(book.message(message('5-0'))).toBe(false);
    expect(book.message(message('5-1'))).toBe(true);
  });

  it('does not go back when a topic is subscribed again', () => {
    const book = new PositionBook({ news: '5-0' });
    book.subscribed({ type: 'subscribed', topic: 'news', position: '4-0' });
    expect(book.snapshot()).toEqual({ news: '5-0' });
    book.subscribed({ type: 'subscribed', topic: 'news', position: '6-0' });
    expect(book.snapshot()).toEqual({ news: '6-0' });
  });

  it('begins anew with a topic that was unsubscribed in between', () => {
    const book = new PositionBook({ news: '5-0' });
    book.unsubscribed('news');
    expect(book.isEmpty).toBe(true);
    book.subscribed({ type: 'subscribed', topic: 'news', position: '8-0' });
    expect(book.snapshot()).toEqual({ news: '8-0' });
  });

  it('tells a second loss at another position', () => {
    const book = new PositionBook({ news: '5-0' });
    book.welcome(welcome({ news: { position: '7-0', recovered: false } }));
    expect(book.lost({ type: 'lost', topic: 'news', after: '5-0', position: '9-0' })).toBe(true);
  });

  it('gives a snapshot that survives JSON, whatever a topic is called', () => {
    const book = new PositionBook();
    book.subscribed({ type: 'subscribed', topic: '__proto__', position: '1-0' });
    const kept = new PositionBook(JSON.parse(JSON.stringify(book.snapshot())) as Record<string, string>);
    expect(JSON.stringify(kept.snapshot())).toBe('{"__proto__":"1-0"}');
  });
});
