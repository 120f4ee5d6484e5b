import { describe, expect, it } from 'vitest';
import { payloadOf, tokenOf } from './payload.ts';

describe('a payload', () => {
  it.each([0, 1, 7, 60_000])('with %i characters of filling gives its token back', (filling) => {
    const payload = payloadOf('m42', filling);
    expect(payload.pad).toHaveLength(filling);
    expect(tokenOf(JSON.parse(JSON.stringify(payload)))).toBe('m42');
  });

  it.each([
    ['another token', { n: 'm43', pad: payloadOf('m42', 40).pad }],
    ['filling that was changed', { n: 'm42', pad: `x${payloadOf('m42', 40).pad.slice(1)}` }],
    ['no filling', { n: 'm42' }],
    ['no object', 'm42'],
    ['nothing', null],
  ])('with %s gives a token that was not published', (_, damaged) => {
    expect(tokenOf(damaged)).toBe('damaged');
  });
});
