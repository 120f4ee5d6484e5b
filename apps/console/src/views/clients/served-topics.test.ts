import { describe, expect, it } from 'vitest';
import type { Client } from '../../api/clients.ts';
import { secondsBehind, subscriptionsOf } from './served-topics.ts';

describe('subscriptions of a client', () => {
  it('are those it has with those that are served, by name, and how far each topic has got', () => {
    const client = {
      topics: ['news', 'chat'],
      served: { chat: { position: '5-0' }, left: { position: '2-0' } },
    } as unknown as Client;
    const heads = new Map([
      ['chat', '6-0'],
      ['news', null],
    ]);
    expect(subscriptionsOf({ client, heads })).toEqual([
      { topic: 'chat', desired: true, position: '5-0', head: '6-0' },
      { topic: 'left', desired: false, position: '2-0', head: undefined },
      { topic: 'news', desired: true, position: null, head: null },
    ]);
  });

  it('are behind by the time between the last message and the one reached', () => {
    expect(secondsBehind({ position: '1000-5', head: '3500-0' })).toBe(2.5);
    expect(secondsBehind({ position: '1000-5', head: '1000-6' })).toBe(0.001);
    expect(secondsBehind({ position: '1000-5', head: '1000-5' })).toBe(0);
    expect(secondsBehind({ position: '1000-6', head: '1000-5' })).toBe(0);
    expect(secondsBehind({ position: null, head: '1000-5' })).toBeNull();
    expect(secondsBehind({ position: '1000-5', head: undefined })).toBeNull();
    expect(secondsBehind({ position: '1000-5', head: null })).toBeNull();
  });
});
