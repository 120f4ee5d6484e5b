import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { describeConfig, port, readConfig } from '@holdfast/service/config';
import { parseRedisUrl, redisRules, redisVariables, toRedisTarget } from './config.ts';

const schema = z.object({ ...redisVariables, API_PORT: port(7700) }).check(redisRules);

const target = (env: Record<string, string>): unknown => toRedisTarget(readConfig(schema, env));

describe('where Redis is', () => {
  test('one Redis, on this machine by default', () => {
    expect(target({})).toEqual({ kind: 'single', url: 'redis://127.0.0.1:6379' });
    expect(target({ REDIS_URL: 'rediss://u:p@r:1/2' })).toEqual({ kind: 'single', url: 'rediss://u:p@r:1/2' });
  });

  test('a Cluster by some of its nodes', () => {
    expect(target({ REDIS_CLUSTER_NODES: 'a:1, [::1]:2' })).toEqual({
      kind: 'cluster',
      nodes: [
        { host: 'a', port: 1 },
        { host: '::1', port: 2 },
      ],
      access: { database: 0, tls: false },
    });
    const env = { REDIS_CLUSTER_NODES: 'a:1', REDIS_URL: 'rediss://u:p@any/0' };
    expect(target(env)).toMatchObject({ access: { username: 'u', password: 'p', database: 0, tls: true } });
  });

  test('Sentinels with the name they watch, and who we are from the URL', () => {
    const env = { REDIS_SENTINELS: 's1:26379,s2:26379', REDIS_SENTINEL_NAME: 'main', REDIS_URL: 'rediss://u:p@any/3' };
    expect(target(env)).toEqual({
      kind: 'sentinel',
      sentinels: [
        { host: 's1', port: 26_379 },
        { host: 's2', port: 26_379 },
      ],
      name: 'main',
      access: { username: 'u', password: 'p', database: 3, tls: true },
    });
  });
});

describe('settings that contradict each other are named', () => {
  test.each([
    [{ REDIS_CLUSTER_NODES: 'a:1', REDIS_SENTINELS: 'b:2', REDIS_SENTINEL_NAME: 'm' }, /REDIS_CLUSTER_NODES must not/],
    [
      { REDIS_CLUSTER_NODES: 'a:1', REDIS_URL: 'redis://:pw@any/3' },
      /^1 fault[^]*REDIS_URL must not name a database when REDIS_CLUSTER_NODES is set[^]*"redis:\/\/\*\*\*@any\/3"/,
    ],
    [{ REDIS_CLUSTER_NODES: 'a:1', REDIS_URL: 'nonsense' }, /^1 fault[^]*REDIS_URL must be redis:/],
    [{ REDIS_SENTINELS: 'b:2' }, /REDIS_SENTINEL_NAME must be set when REDIS_SENTINELS is \(not set\)/],
    [{ REDIS_SENTINEL_NAME: 'm' }, /REDIS_SENTINELS must be set when REDIS_SENTINEL_NAME is \(not set\)/],
  ])('%o', (env, message) => {
    expect(() => readConfig(schema, env)).toThrow(message);
  });

  test('also when another variable is wrong', () => {
    expect(() => readConfig(schema, { REDIS_SENTINELS: 'b:2', API_PORT: 'x' })).toThrow(
      /^2 faults[^]*API_PORT must[^]*REDIS_SENTINEL_NAME must/,
    );
  });
});

describe('what is refused', () => {
  test.each([
    'http://host',
    'host:6379',
    'redis://',
    'redis:///0',
    'redis://host?lazyConnect=true',
    'redis://host/name',
    'redis://host/0/1',
    'redis://:%@host',
    'redis://host:99999',
  ])('REDIS_URL %j', (url) => {
    expect(() => readConfig(schema, { REDIS_URL: url })).toThrow(/REDIS_URL must be redis:/);
  });

  test.each(['a', 'a:0', 'a:65536', 'a:1,', 'a b:1', '::1:5', 'redis://a:1'])('nodes %j', (nodes) => {
    expect(() => readConfig(schema, { REDIS_CLUSTER_NODES: nodes })).toThrow(/REDIS_CLUSTER_NODES must be host:port/);
  });

  test.each(['a{b', 'a}', 'a b', 'é:', 'x'.repeat(41)])('REDIS_PREFIX %j', (prefix) => {
    expect(() => readConfig(schema, { REDIS_PREFIX: prefix })).toThrow(/REDIS_PREFIX must be 1 to 40/);
  });

  test('and a password is not shown meanwhile', () => {
    expect(() => readConfig(schema, { REDIS_URL: 'redis://u:hunter2@host?db=1' })).toThrow(
      /^1 fault in the configuration:\n {2}REDIS_URL must be [^"]*"redis:\/\/\*\*\*@host\?\*\*\*"\)$/,
    );
  });
});

test('a prefix may be any other printable text', () => {
  expect(readConfig(schema, { REDIS_PREFIX: 'tenant-1/hf|~:' }).REDIS_PREFIX).toBe('tenant-1/hf|~:');
});

test('a URL is taken apart with its escapes undone', () => {
  expect(parseRedisUrl('redis://us%40er:p%2Fw@[::1]:7000/15')).toEqual({
    host: '::1',
    port: 7_000,
    username: 'us@er',
    password: 'p/w',
    database: 15,
    tls: false,
  });
  expect(parseRedisUrl('rediss://h')).toEqual({ host: 'h', port: 6_379, database: 0, tls: true });
});

test('every variable is described', () => {
  for (const { meaning } of describeConfig(z.object(redisVariables))) expect(meaning).not.toBe('');
});
