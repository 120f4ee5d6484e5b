import { CommanderError } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { profiles } from './amounts.ts';
import { measures, peers, readPlan } from './command-line.ts';

let logged = '';

beforeEach(() => {
  logged = '';
  for (const stream of [process.stderr, process.stdout]) {
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      logged += String(text);
      return true;
    });
  }
});
afterEach(() => {
  vi.restoreAllMocks();
});

const read = (...args: string[]) => readPlan(args);

describe('the command line', () => {
  it('takes everything, five rounds, when nothing is asked for', () => {
    const plan = read();
    expect(plan.measures).toEqual(measures);
    expect(plan.peers).toEqual(peers);
    expect(plan.amounts).toEqual(profiles.full);
    expect(plan.amounts.rounds).toBe(5);
  });

  it('takes measures, peers, rounds and connections', () => {
    const plan = read('delivery', '--peers', 'ws,floor', '--rounds', '7', '--connections', '300', '--json');
    expect(plan.measures.map(({ name }) => name)).toEqual(['delivery']);
    expect(plan.peers.map(({ name }) => name)).toEqual(['floor', 'ws']);
    expect(plan.amounts).toMatchObject({ rounds: 7, delivery: { connections: 300 }, bursts: { connections: 300 } });
    expect(plan.json).toBe(true);
  });

  it('is quick when asked to be', () => {
    expect(read('--quick').amounts).toEqual(profiles.quick);
  });

  it.each([
    [['deliveries'], 'no measure is called deliveries; there are delivery'],
    [['--peers', 'ws,phoenix'], 'no peer is called phoenix; there are holdfast'],
    [['--rounds', '0'], 'It must be an integer from 1'],
    [['--connections', 'many'], 'It must be an integer from 1'],
    [['--keep', 'else/where'], 'It must be a name'],
    [['--keep', '..'], 'It must be a name'],
    [['--fast'], "unknown option '--fast'"],
  ])('refuses %j and says why', (args, why) => {
    expect(() => read(...args)).toThrow(CommanderError);
    expect(logged).toContain(why);
  });

  it('has help with examples', () => {
    expect(() => read('--help')).toThrow(CommanderError);
    expect(logged).toContain('npm run bench -- delivery --peers holdfast,floor,ws --rounds 5');
  });
});
