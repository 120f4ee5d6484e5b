import type { EdgeDetails } from '@holdfast/broker/edge-state';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Random, type Site, loadOf, place, sitesOf } from './placement.ts';

function edge(details: Partial<EdgeDetails>): EdgeDetails {
  return { id: 'e', url: 'ws://e', connections: 0, maxConnections: 100, draining: false, startedAt: 0, ...details };
}

/** The same numbers for the same seed (mulberry32). */
function seeded(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const seeds = fc.integer({ min: 0, max: 2 ** 31 });
const anyEdge = fc
  .record({
    url: fc.constantFrom('ws://a', 'ws://b', 'ws://c', 'ws://d'),
    maxConnections: fc.integer({ min: 1, max: 1000 }),
    taken: fc.double({ min: 0, max: 1, noNaN: true }),
    draining: fc.boolean(),
  })
  .map(({ taken, ...details }) => edge({ ...details, connections: Math.round(taken * details.maxConnections) }));

const room = (some: readonly Pick<EdgeDetails, 'connections' | 'maxConnections'>[]) =>
  some.reduce((sum, { connections, maxConnections }) => sum + maxConnections - connections, 0);
const takesConnections = ({ draining, connections, maxConnections }: EdgeDetails) =>
  !draining && connections < maxConnections;

describe('the URLs that are handed out', () => {
  it('are those of all edges that take connections, each once, and of no other while there is one', () => {
    fc.assert(
      fc.property(fc.array(anyEdge, { maxLength: 12 }), (edges) => {
        const open = edges.filter(takesConnections);
        fc.pre(open.length > 0);
        const sites = sitesOf(edges);
        const urls = sites.map(({ url }) => url);
        expect(urls.toSorted()).toEqual([...new Set(open.map(({ url }) => url))].toSorted());
        expect(room(sites)).toBe(room(open));
      }),
    );
  });

  it('are those of full edges when none takes connections, else those of draining ones, else none', () => {
    const full = edge({ url: 'ws://full', connections: 100 });
    const draining = edge({ url: 'ws://draining', draining: true });
    expect(sitesOf([draining, full]).map(({ url }) => url)).toEqual(['ws://full']);
    expect(sitesOf([draining]).map(({ url }) => url)).toEqual(['ws://draining']);
    expect(sitesOf([])).toEqual([]);
  });
});

describe('where a client is sent', () => {
  it('is the less loaded of two different sites, and every pair comes up', () => {
    fc.assert(
      fc.property(seeds, fc.shuffledSubarray([5, 20, 40, 60, 80], { minLength: 2 }), (seed, loads) => {
        const random = seeded(seed);
        const seen = new Set<string>();
        for (let n = 0; n < 500; n += 1) {
          const sites: Site[] = loads.map((load) => ({ url: String(load), connections: load, maxConnections: 100 }));
          seen.add(place(sites, random)?.url ?? 'none');
        }
        // The most loaded one is the better of no pair, and each of the others of some.
        expect([...seen].toSorted()).toEqual(
          loads
            .toSorted((a, b) => a - b)
            .slice(0, -1)
            .map(String)
            .toSorted(),
        );
      }),
    );
  });

  it('is the only one there is, and nowhere when there is none', () => {
    expect(place(sitesOf([edge({ url: 'ws://only' })]), Math.random)?.url).toBe('ws://only');
    expect(place([], Math.random)).toBeNull();
  });

  it('makes sites of any sizes equally full, however unequal they were: within 3 % of their places', () => {
    fc.assert(
      fc.property(
        seeds,
        fc.array(
          fc.record({ max: fc.integer({ min: 500, max: 2000 }), load: fc.double({ min: 0, max: 0.3, noNaN: true }) }),
          {
            minLength: 2,
            maxLength: 20,
          },
        ),
        (seed, given) => {
          const sites: Site[] = given.map(({ max, load }, index) => ({
            url: String(index),
            connections: Math.round(max * load),
            maxConnections: max,
          }));
          const random = seeded(seed);
          const total = sites.reduce((sum, site) => sum + site.maxConnections, 0);
          const taken = sites.reduce((sum, site) => sum + site.connections, 0);
          for (let n = taken; n < total * 0.6; n += 1) place(sites, random);
          const loads = sites.map(loadOf);
          expect(Math.max(...loads) - Math.min(...loads)).toBeLessThan(0.03);
        },
      ),
      { numRuns: 40, seed: 7 },
    );
  });
});
