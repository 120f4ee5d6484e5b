import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  choice,
  ConfigError,
  describeConfig,
  duration,
  host,
  integer,
  integerOr,
  list,
  maskCredentials,
  port,
  readConfig,
  text,
  url,
  type Setting,
} from './config.ts';

const schema = z.object({
  API_HOST: host('127.0.0.1').describe('Where it listens'),
  API_PORT: port(7700).describe('On which port'),
  WORKERS: integerOr('auto', { min: 1, max: 64, default: 1 }).describe('How many processes'),
  MAX: integer({ min: 1, max: 1_000_000 }).optional().describe('How many connections'),
  DRAIN: duration({ minMs: 0, maxMs: 3_600_000, default: '30s' }).describe('How long a goodbye takes'),
  ORIGINS: list().optional().describe('Allowed origins'),
  MODE: choice(['fast', 'safe'], 'safe').describe('How'),
  ADVERTISE: url(['ws:', 'wss:']).optional().meta({ description: 'The address for clients', defaultText: 'ws://…' }),
  KEYS_FILE: text().optional().describe('Where the keys are'),
});

const DEFAULTS = { API_HOST: '127.0.0.1', API_PORT: 7700, WORKERS: 1, DRAIN: 30_000, MODE: 'safe' };

function faultOf(run: () => unknown): ConfigError {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** What one variable of this kind makes of a text; undefined when it refuses. */
function read(kind: Setting<unknown>, given: string): unknown {
  const result = kind.safeParse(given);
  return result.success ? result.data : undefined;
}

describe('readConfig', () => {
  test('gives the defaults, and ignores variables of others', () => {
    expect(readConfig(schema, { PATH: '/bin', UNSET: undefined })).toEqual(DEFAULTS);
  });

  test('takes a variable set to nothing or to blanks as not set', () => {
    expect(readConfig(schema, { API_PORT: '', MAX: ' ', ADVERTISE: '\t' })).toEqual(DEFAULTS);
  });

  test('gives values of the right type', () => {
    const env = { API_PORT: '0', WORKERS: 'auto', MAX: '5', DRAIN: '2m', ORIGINS: 'a, b', ADVERTISE: 'wss://x/y' };
    const values = {
      API_PORT: 0,
      WORKERS: 'auto',
      MAX: 5,
      DRAIN: 120_000,
      ORIGINS: ['a', 'b'],
      ADVERTISE: 'wss://x/y',
    };
    expect(readConfig(schema, env)).toEqual({ ...DEFAULTS, ...values });
  });

  test('names every fault at once: the variable, the rule and what was given', () => {
    const env = { API_PORT: '70000', WORKERS: '0', DRAIN: '30', MODE: 'slow', ADVERTISE: 'http://x' };
    const error = faultOf(() => readConfig(schema.extend({ NEEDED: text() }), env));
    expect(error.code).toBe('config-invalid');
    expect(error.message.split('\n')).toEqual([
      '6 faults in the configuration:',
      '  API_PORT must be a whole number from 0 to 65535 (given: "70000")',
      '  WORKERS must be a whole number from 1 to 64, or auto (given: "0")',
      '  DRAIN must be a time from 0 ms to 3600000 ms such as 250ms, 30s, 5m or 2h (given: "30")',
      '  MODE must be one of fast, safe (given: "slow")',
      '  ADVERTISE must be a URL that begins with ws:// or wss:// (given: "http://x")',
      '  NEEDED must be set (not set)',
    ]);
  });

  test('prints no secrets, no line breaks and no endless values', () => {
    const env = {
      ADVERTISE: 'http://me:hunter2@x?token=hunter2',
      MODE: `a\nb${'c'.repeat(500)}`,
      DB_PASSWORD: 'hunter2',
    };
    const error = faultOf(() => readConfig(schema.extend({ DB_PASSWORD: integer({ min: 0, max: 9 }) }), env));
    expect(error.message).not.toContain('hunter2');
    expect(error.message).toContain('"http://***@x?***"');
    expect(error.message.split('\n')).toHaveLength(4);
    expect(error.message.length).toBeLessThan(600);
  });
});

describe('maskCredentials', () => {
  test.each([
    ['redis://127.0.0.1:6379', 'redis://127.0.0.1:6379'],
    ['redis://:secret@host:1/2', 'redis://***@host:1/2'],
    ['redis://user:se/c@re:t@host', 'redis://***@host'],
    ['user:secret@host', '***@host'],
    ['redis://host?password=secret', 'redis://host?***'],
  ])('%s becomes %s', (given, shown) => {
    expect(maskCredentials(given)).toBe(shown);
  });
});

describe('a kind of variable refuses what is not of it', () => {
  test.each(['', '1.5', '1e3', '0x10', ' 1', '-1', '65536', '９'])('port %j', (given) => {
    expect(read(port(), given)).toBeUndefined();
  });
  test.each(['127.0.0.1:7700', '[::1]', 'a b', 'http://a', 'a..b'])('host %j', (given) => {
    expect(read(host(), given)).toBeUndefined();
  });
  test.each(['127.0.0.1', '::1', 'localhost', 'edge-1.example.org', 'my_host'])('but host %j', (given) => {
    expect(read(host(), given)).toBe(given);
  });
  test.each(['5', 's', '1.5s', '-1s', '1 s', '1d'])('duration %j', (given) => {
    expect(read(duration(), given)).toBeUndefined();
  });
  test.each([
    ['250ms', 250],
    ['0s', 0],
    ['5m', 300_000],
    ['2h', 7_200_000],
  ])('but duration %j', (given, ms) => {
    expect(read(duration(), given)).toBe(ms);
  });
  test.each(['a,,b', ',', 'a,'])('list %j', (given) => {
    expect(read(list(), given)).toBeUndefined();
  });
});

test('describeConfig gives one row for each variable, with defaults as a user would write them', () => {
  expect(describeConfig(schema)).toEqual([
    { variable: 'API_HOST', default: '127.0.0.1', meaning: 'Where it listens' },
    { variable: 'API_PORT', default: '7700', meaning: 'On which port' },
    { variable: 'WORKERS', default: '1', meaning: 'How many processes' },
    { variable: 'MAX', default: null, meaning: 'How many connections' },
    { variable: 'DRAIN', default: '30s', meaning: 'How long a goodbye takes' },
    { variable: 'ORIGINS', default: null, meaning: 'Allowed origins' },
    { variable: 'MODE', default: 'safe', meaning: 'How' },
    { variable: 'ADVERTISE', default: 'ws://…', meaning: 'The address for clients' },
    { variable: 'KEYS_FILE', default: null, meaning: 'Where the keys are' },
  ]);
});

test('describeConfig finds the description also under a wrapper', () => {
  expect(describeConfig(z.object({ A: text('x').describe('said first').optional() }))).toEqual([
    { variable: 'A', default: 'x', meaning: 'said first' },
  ]);
});

test('describeConfig finds the default of what is transformed', () => {
  const on = choice(['on', 'off'], 'on').transform((given) => given === 'on');
  expect(describeConfig(z.object({ A: on.describe('Whether') }))).toEqual([
    { variable: 'A', default: 'on', meaning: 'Whether' },
  ]);
});
