import picocolors from 'picocolors';
import { describe, expect, it } from 'vitest';
import { frameLine, stateLine } from './listen-session.ts';

const plain = picocolors.createColors(false);

describe('listen', () => {
  it('shows each frame on one line that cannot steer the terminal', () => {
    const data = { text: 'a\nb\u009b2J' };
    const lines = [
      frameLine({ type: 'message', topic: 'news', id: '1-0', data }, plain),
      frameLine({ type: 'subscribed', topic: 'news', position: '1-0' }, plain),
      frameLine({ type: 'unsubscribed', topic: 'news', reason: 'topic-deleted' }, plain),
      frameLine({ type: 'lost', topic: 'news', after: '1-0', position: '9-0' }, plain),
    ];
    expect(lines).toEqual([
      'news 1-0 {"text":"a\\nb\\u009b2J"}',
      'news subscribed from 1-0',
      'news unsubscribed: topic-deleted',
      'news lost: what came after 1-0, up to 9-0, is gone from the history',
    ]);
  });

  it('says when it is connected and when it will try again, and leaves the rest unsaid', () => {
    expect(stateLine({ state: 'connecting', url: 'ws://h:1/v1/connect' }, plain)).toBeNull();
    expect(stateLine({ state: 'open', url: 'ws://h:1/v1/connect' }, plain)).toBe('connected to ws://h:1 (Ctrl-C ends)');
    const waiting = { state: 'waiting', delayMs: 1240, failures: 1, code: 1012, why: 'restarting' } as const;
    expect(stateLine(waiting, plain)).toBe('reconnecting in 1.2 s: restarting');
  });
});
