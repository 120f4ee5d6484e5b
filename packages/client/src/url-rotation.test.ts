import { describe, expect, it } from 'vitest';
import { urlRotation } from './url-rotation.ts';

const bases = ['ws://a:1', 'ws://b:2', 'ws://c:3'];

describe('urlRotation', () => {
  it('gives every edge before it gives one again', () => {
    const next = urlRotation(bases);
    const round = [next(), next(), next()].map((url) => url.host);
    expect(round.toSorted()).toEqual(['a:1', 'b:2', 'c:3']);
    expect([next(), next(), next()].map((url) => url.host)).toEqual(round);
  });

  it('starts anywhere, and those that leave one edge spread over all others', () => {
    const pairs = new Set<string>();
    for (let client = 0; client < 1000; client++) {
      const next = urlRotation(bases);
      pairs.add(`${next().hostname}${next().hostname}`);
    }
    expect([...pairs].toSorted()).toEqual(['ab', 'ac', 'ba', 'bc', 'ca', 'cb']);
  });

  it('starts with the given URL, and continues with any', () => {
    const second = new Set<string>();
    for (let client = 0; client < 1000; client++) {
      const next = urlRotation(bases, 'ws://b:2/');
      expect(next().hostname).toBe('b');
      second.add(next().hostname);
    }
    expect([...second].toSorted()).toEqual(['a', 'c']);
  });

  it('starts with any when the given one is not among them', () => {
    expect(bases).toContain(`ws://${urlRotation(bases, 'ws://d:4')().host}`);
  });

  it('keeps a path and a query of the base, and takes http for ws', () => {
    expect(urlRotation(['https://h/edge/?zone=1'])().href).toBe('wss://h/edge/v1/connect?zone=1');
  });

  it('refuses what cannot be connected to', () => {
    expect(() => urlRotation([])).toThrow(TypeError);
    expect(() => urlRotation(['file:///x'])).toThrow(TypeError);
    expect(() => urlRotation(['somewhere'])).toThrow(TypeError);
  });
});
