import { ConfigError, describeConfig, readConfig } from '@holdfast/service/config';
import { describe, expect, test } from 'vitest';
import { configSchema, isProduction, servesConsole } from './config.ts';

function faultsOf(env: NodeJS.ProcessEnv): string[] {
  try {
    readConfig(configSchema, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ variable }) => variable).toSorted();
    throw error;
  }
  return [];
}

const served = (env: object) => servesConsole({ NODE_ENV: 'development', CONSOLE: undefined, ...env });

describe('the configuration', () => {
  test('needs nothing, and is loopback by itself', () => {
    const config = readConfig(configSchema, {});
    expect(config).toMatchObject({
      CONTROL_HOST: '127.0.0.1',
      CONTROL_PORT: 7700,
      LOG_LEVEL: 'info',
      REDIS_PREFIX: 'hf:',
    });
    expect(config.API_KEYS_FILE).toBeUndefined();
    expect(isProduction(config)).toBe(false);
  });

  test('needs a keys file in production, and tells it beside every other fault', () => {
    const origins = { CONTROL_ALLOWED_ORIGINS: 'none' };
    expect(faultsOf({ NODE_ENV: 'production', ...origins })).toEqual(['API_KEYS_FILE']);
    expect(faultsOf({ NODE_ENV: 'production', ...origins, CONTROL_PORT: 'x', REDIS_SENTINELS: 'a:1' })).toEqual([
      'API_KEYS_FILE',
      'CONTROL_PORT',
      'REDIS_SENTINEL_NAME',
    ]);
    expect(faultsOf({ NODE_ENV: 'production', ...origins, API_KEYS_FILE: 'keys.json' })).toEqual([]);
  });

  test('serves the console in development, and in production where it is asked for', () => {
    expect(served({})).toBe(true);
    expect(served({ CONSOLE: 'off' })).toBe(false);
    expect(served({ NODE_ENV: 'production' })).toBe(false);
    expect(served({ NODE_ENV: 'production', CONSOLE: 'on' })).toBe(true);
    expect(faultsOf({ CONSOLE: 'yes' })).toEqual(['CONSOLE']);
  });

  test('requires in production the origins that may call, or none, or any', () => {
    const env = { NODE_ENV: 'production', API_KEYS_FILE: 'keys.json' };
    expect(faultsOf(env)).toEqual(['CONTROL_ALLOWED_ORIGINS']);
    for (const value of ['none', '*', 'https://app.example.com']) {
      expect(faultsOf({ ...env, CONTROL_ALLOWED_ORIGINS: value }), `of ${value}`).toEqual([]);
    }
  });

  test('takes prefixes of paths, without a slash at their ends', () => {
    const { PUSHER_PATH_PREFIX } = readConfig(configSchema, { PUSHER_PATH_PREFIX: '/pusher, /push/v2' });
    expect(PUSHER_PATH_PREFIX).toEqual(['/pusher', '/push/v2']);
    for (const wrong of ['/', 'pusher', '/pusher/', '/a//b', '/a?b', '/a,', 'https://example.com/pusher']) {
      expect(faultsOf({ PUSHER_PATH_PREFIX: wrong }), `of ${wrong}`).toEqual(['PUSHER_PATH_PREFIX']);
    }
  });

  test('takes origins as browsers send them, and nothing that would never match', () => {
    const { CONTROL_ALLOWED_ORIGINS } = readConfig(configSchema, {
      CONTROL_ALLOWED_ORIGINS: 'https://app.example.com, http://localhost:8080',
    });
    expect(CONTROL_ALLOWED_ORIGINS).toEqual(['https://app.example.com', 'http://localhost:8080']);
    expect(readConfig(configSchema, { CONTROL_ALLOWED_ORIGINS: 'none' }).CONTROL_ALLOWED_ORIGINS).toEqual([]);
    for (const wrong of [
      'app.example.com',
      'https://app.example.com/',
      'https://app.example.com/path',
      'https://app.example.com:443',
      'https://*.example.com',
      'https://app.example.com,*',
      'null',
      'file:///a',
    ]) {
      expect(faultsOf({ CONTROL_ALLOWED_ORIGINS: wrong }), `of ${wrong}`).toEqual(['CONTROL_ALLOWED_ORIGINS']);
    }
  });

  test('takes addresses and networks as trusted proxies', () => {
    const { CONTROL_TRUSTED_PROXIES } = readConfig(configSchema, {
      CONTROL_TRUSTED_PROXIES: '10.0.0.0/8, ::1,fd00::/8',
    });
    expect(CONTROL_TRUSTED_PROXIES).toEqual(['10.0.0.0/8', '::1', 'fd00::/8']);
    for (const wrong of [
      '10.0.0.0/33',
      '10.0.0.0/0',
      '::/0',
      '::1/129',
      'true',
      '1',
      '10.0.0.0/8/8',
      '10.0.0.0/',
      'proxy.local',
      'a,',
    ]) {
      expect(faultsOf({ CONTROL_TRUSTED_PROXIES: wrong }), `of ${wrong}`).toEqual(['CONTROL_TRUSTED_PROXIES']);
    }
  });

  test('has a meaning for each variable', () => {
    for (const { variable, meaning } of describeConfig(configSchema)) expect(meaning, `of ${variable}`).not.toBe('');
  });
});
