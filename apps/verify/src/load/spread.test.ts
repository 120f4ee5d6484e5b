import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { Spread } from './spread.ts';

const cases = fc
  .record({
    topics: fc.integer({ min: 1, max: 40 }),
    draw: fc.nat(),
    seed: fc.nat({ max: 1000 }),
    blocks: fc.integer({ min: 1, max: 5 }),
  })
  .map(({ topics, draw, ...rest }) => ({ topics, perClient: 1 + (draw % topics), ...rest }));

it('every client has as many different topics as asked for, the same ones for the same seed', () => {
  fc.assert(
    fc.property(cases, fc.nat({ max: 500 }), ({ topics, perClient, seed }, client) => {
      const drawn = new Spread(topics, perClient, seed).topicsOf(client);
      expect(new Set(drawn).size).toBe(perClient);
      expect(drawn.every((topic) => topic >= 0 && topic < topics)).toBe(true);
      expect(new Spread(topics, perClient, seed).topicsOf(client)).toEqual(drawn);
    }),
  );
});

it('every topic has equally many subscribers', () => {
  fc.assert(
    fc.property(cases, ({ topics, perClient, seed, blocks }) => {
      const counts = new Spread(topics, perClient, seed).subscribers(topics * blocks);
      expect(counts).toEqual(Array.from({ length: topics }, () => perClient * blocks));
    }),
  );
});

it('clients share their topics with ever different ones', () => {
  const spread = new Spread(20, 2, 1);
  const others = new Set<number>();
  for (let client = 0; client < 2000; client += 1) {
    const topics = spread.topicsOf(client);
    if (topics.includes(0)) for (const topic of topics) others.add(topic);
  }
  expect(others.size).toBe(20);
});
