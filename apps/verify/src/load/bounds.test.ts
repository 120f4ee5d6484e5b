import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { capacityFor, readBounds } from './bounds.ts';

it('no process needs more descriptors than it may have', () => {
  const bounds = fc.record({
    descriptors: fc.integer({ min: 0, max: 2_000_000 }),
    cores: fc.integer({ min: 1, max: 128 }),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), bounds, (clients, limits) => {
      const capacity = capacityFor(clients, limits);
      if (typeof capacity === 'string') return;
      expect(Math.ceil(clients / capacity.workers)).toBeLessThan(Math.min(limits.descriptors, 20_000));
      expect(Math.ceil(clients / capacity.edges)).toBeLessThan(Math.min(limits.descriptors, 20_000));
      expect(capacity.edges).toBeGreaterThanOrEqual(2);
    }),
  );
});

it('100,000 clients are possible with 20,000 descriptors a process', () => {
  expect(capacityFor(100_000, { descriptors: 20_000, cores: 2 })).toEqual({ workers: 9, edges: 7 });
  expect(capacityFor(10_000, { descriptors: 20_000, cores: 2 })).toEqual({ workers: 1, edges: 2 });
});

it('says so when the limit of descriptors is too low for the clients', () => {
  expect(capacityFor(100_000, { descriptors: 1_024, cores: 2 })).toMatch(/1024 descriptors each: raise the limit/);
  expect(capacityFor(1, { descriptors: 256, cores: 2 })).toMatch(/raise the limit/);
});

it('knows the limit of this process', () => {
  const { descriptors } = readBounds(1);
  expect(descriptors).toBeGreaterThan(100);
});
