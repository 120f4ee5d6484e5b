import { describe, expect, it } from 'vitest';
import { type Operation, cast, drawPlan } from './operations.ts';

const options = { seed: 7, seconds: 60, redis: 'single', clock: true, calm: false } as const;
const kinds = (plan: readonly Operation[]) => new Set(plan.map((operation) => operation.do));
const faults = (plan: readonly Operation[]) =>
  new Set(plan.flatMap((operation) => (operation.do === 'fault' ? [operation.fault] : [])));

describe('the plan of a random run', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(drawPlan(options)).toEqual(drawPlan({ ...options }));
    expect(drawPlan(options)).not.toEqual(drawPlan({ ...options, seed: 8 }));
  });

  it('has operations of every kind', () => {
    expect([...kinds(drawPlan(options))].toSorted()).toEqual(
      [
        'connect',
        'disconnect',
        'fault',
        'hang-up',
        'publish',
        'publish-batch',
        'publish-idempotent',
        'publish-to-client',
        'register',
        'renew',
        'subscribe',
        'twins',
        'unregister',
        'unsubscribe',
        'view',
      ].toSorted(),
    );
  });

  it('leaves quiet clients alone', () => {
    const acting = drawPlan(options).flatMap((operation) =>
      'actor' in operation && operation.do !== 'publish-to-client' ? [operation.actor] : [],
    );
    expect(new Set(acting).size).toBe(cast.lively);
    expect(Math.max(...acting)).toBeLessThan(cast.lively);
  });

  it('has no fault when it is calm, and on a Cluster none that loses what was written', () => {
    expect(kinds(drawPlan({ ...options, calm: true }))).not.toContain('fault');
    const long = { ...options, seconds: 600 };
    expect([...faults(drawPlan(long))]).toEqual(expect.arrayContaining(['redis-rollback', 'redis-clock', 'edge-kill']));
    const onCluster = faults(drawPlan({ ...long, redis: 'cluster', clock: false }));
    expect(onCluster).toContain('edge-kill');
    expect([...onCluster].filter((name) => name.startsWith('redis-'))).toEqual([]);
  });

  it('has each lane in the order of time', () => {
    for (const lane of Map.groupBy(drawPlan(options), (operation) => operation.lane).values()) {
      const times = lane.map(({ at }) => at);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(times.at(-1)).toBeLessThan(60_000);
    }
  });
});
