import { describe, expect, it } from 'vitest';
import { href, parseRoute } from './router.ts';

describe('a route', () => {
  it.each([
    ['topics', ['news.sport'], { tab: 'live' }],
    ['users', ['a/b & c?#%'], {}],
    ['topics', [], { prefix: 'a+b c' }],
  ])('%s %j %j is read back from its fragment', (view, rest, query) => {
    expect(parseRoute(href(view, rest, query))).toEqual({ view, rest, query });
  });

  it('leaves out values that are empty', () => {
    expect(href('topics', ['a'], { tab: undefined, prefix: '' })).toBe('#/topics/a');
  });

  it.each(['', '#', '#main', '#key=a.b'])('is none in %j', (fragment) => {
    expect(parseRoute(fragment).view).toBe('');
  });

  it('takes what cannot be decoded as it is', () => {
    expect(parseRoute('#/topics/%zz').rest).toEqual(['%zz']);
  });
});
