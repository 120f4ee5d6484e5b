import { CommanderError } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readScalePlan } from './command-line.ts';

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

describe('the command line of scale', () => {
  it('takes a number of connections, and has a minute of trickle to 1,000 topics', () => {
    expect(readScalePlan(['--connections', '1000000'])).toEqual({
      connections: 1_000_000,
      topics: 1000,
      rate: 20,
      seconds: 60,
      broadcasts: 3,
      size: 150,
      heartbeatSeconds: null,
      raiseLimits: false,
      json: false,
      keep: null,
    });
  });

  it.each([
    [[], "required option '--connections <number>' not specified"],
    [['--connections', '1e9'], 'It must be an integer from 100'],
    [['--connections', '1000', '--size', '10'], 'It must be an integer from 60'],
    [['--connections', '1000', 'delivery'], 'too many arguments'],
  ])('refuses %j and says why', (args, why) => {
    expect(() => readScalePlan(args)).toThrow(CommanderError);
    expect(logged).toContain(why);
  });
});
