import { CommanderError } from 'commander';
import { describe, expect, it, vi } from 'vitest';
import { catalog } from './faults/catalog.ts';
import { readPlan } from './plan.ts';

/** What the command line is refused with. */
function refusalOf(...args: string[]): string {
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    readPlan(args, catalog);
    throw new Error('it was taken');
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.message;
  } finally {
    stderr.mockRestore();
  }
}

const names = (redis: string) => readPlan(['--redis', redis], catalog).faults.map(({ name }) => name);

describe('the command line', () => {
  it('takes all faults in the full profile, which is the default', () => {
    const plan = readPlan([], catalog);
    expect(plan).toMatchObject({ profile: 'full', seed: 1, json: false });
    expect(plan.redis).toBe('single');
    expect(plan.faults).toEqual(catalog.filter(({ on }) => on === undefined || on.includes('single')));
  });

  it('takes a part of them in the quick profile, with fewer clients', () => {
    const plan = readPlan(['--profile', 'quick'], catalog);
    expect(plan.faults.map(({ name }) => name)).toContain('edge-kill');
    expect(plan.faults.length).toBeLessThan(catalog.length);
    expect(plan.scale.members).toBeLessThan(readPlan([], catalog).scale.members);
  });

  it('takes those that are named, in whatever profile', () => {
    const plan = readPlan(['--profile', 'quick', '--only', 'flushall', '--only', 'edge-kill'], catalog);
    expect(plan.faults.map(({ name }) => name)).toEqual(['edge-kill', 'flushall']);
  });

  it('takes the faults that are about the Redis that is named', () => {
    expect(names('cluster')).toEqual(expect.arrayContaining(['edge-kill', 'master-kill', 'cluster-reshard']));
    expect(names('cluster')).not.toContain('redis-kill-data');
    expect(names('sentinel')).toEqual(expect.arrayContaining(['edge-kill', 'master-kill', 'sentinel-failover']));
    expect(names('sentinel')).not.toContain('cluster-reshard');
  });

  it('takes a number of clients for every fault, that of the storm included', () => {
    const { scale } = readPlan(['--clients', '50'], catalog);
    expect(scale).toMatchObject({ members: 50, stormMembers: 50 });
  });

  it('takes how long things happen in a random run, and the seed they are drawn from', () => {
    const random = readPlan(['--random', '--seconds', '20', '--seed', '7', '--redis', 'cluster'], catalog);
    expect(random).toMatchObject({ random: true, seconds: 20, seed: 7, redis: 'cluster', calm: false });
    expect(readPlan([], catalog).random).toBe(false);
  });

  it('takes the faults that both doors have for clients of the Pusher protocol', () => {
    const all = readPlan(['--door', 'pusher'], catalog);
    const faults = ['edge-kill', 'redis-kill-data', 'client-kill-pubsub', 'reconnect-storm'];
    expect({ door: all.door, faults: all.faults.map(({ name }) => name) }).toEqual({ door: 'pusher', faults });
    const quick = readPlan(['--door', 'pusher', '--profile', 'quick'], catalog);
    expect(quick.faults.map(({ name }) => name)).toEqual(faults.slice(0, 3));
    const one = readPlan(['--door', 'pusher', '--only', 'reconnect-storm'], catalog);
    expect(one.faults.map(({ name }) => name)).toEqual(['reconnect-storm']);
    expect(readPlan([], catalog).door).toBe('native');
  });

  it('names the faults that there are when one is not for the door', () => {
    expect(refusalOf('--door', 'pusher', '--only', 'edge-kill', '--only', 'flushall')).toBe(
      'error: not for --door pusher: flushall; there are edge-kill, redis-kill-data, client-kill-pubsub, reconnect-storm',
    );
    expect(refusalOf('--door', 'pusher', '--random')).toBe('error: --door is not for a run with --random');
  });

  it.each([
    [['--only', 'earthquake'], /no fault is called earthquake/],
    [['--profile', 'huge'], /quick, full/],
    [['--only', 'redis-kill-data', '--redis', 'cluster'], /not about a cluster Redis: redis-kill-data \(single\)/],
    [['--redis', 'some'], /single, cluster, sentinel/],
    [['--clients', '0'], /integer from 1/],
    [['--clients', 'many'], /integer from 1/],
    [['--seed', '-1'], /integer from 0/],
    [['--speed', '3'], /unknown option/],
    [['--random', '--only', 'flushall'], /--only is not for a run with --random/],
    [['--random', '--clients', '30'], /--clients is not for a run with --random/],
    [['--random', '--seconds', '0'], /integer from 1/],
    [['--seconds', '5'], /--seconds is only for a run with --random/],
    [['--calm'], /--calm is only for a run with --random/],
  ])('refuses %j and says why', (args, why) => {
    expect(refusalOf(...args)).toMatch(why);
  });

  it('names every fault once', () => {
    expect(new Set(catalog.map(({ name }) => name)).size).toBe(catalog.length);
  });
});
