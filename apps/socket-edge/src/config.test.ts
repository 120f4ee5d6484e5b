import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { readConfig } from '@holdfast/service/config';
import { describe, expect, it } from 'vitest';
import { descriptorFault, edgeVariables, maxConnections, workerCount } from './config.ts';

describe('the configuration of an edge', () => {
  it('has a default for everything', () => {
    expect(readConfig(edgeVariables, {})).toMatchObject({
      REDIS_URL: 'redis://127.0.0.1:6379',
      REDIS_PREFIX: 'hf:',
      EDGE_HOST: '127.0.0.1',
      EDGE_PORT: 7701,
      EDGE_WORKERS: 1,
      EDGE_DRAIN_SECONDS: 30,
      EDGE_HEARTBEAT: 25_000,
      EDGE_DIRECT_WRITES: true,
      LOG_LEVEL: 'info',
    });
  });

  it.each([
    ['EDGE_PORT', '70000'],
    ['EDGE_PORT', 'http'],
    ['EDGE_ADVERTISE_URL', 'http://edge'],
    ['EDGE_ADVERTISE_URL', 'edge'],
    ['EDGE_WORKERS', '0'],
    ['EDGE_WORKERS', 'all'],
    ['EDGE_MAX_CONNECTIONS', '0'],
    ['EDGE_DRAIN_SECONDS', '-1'],
    ['EDGE_HEARTBEAT', '1ms'],
    ['EDGE_ADMIN_PORT', '70000'],
    ['EDGE_ADMIN_PORT', '7701'],
    ['EDGE_MAX_FRAMES_PER_SECOND', '0'],
    ['EDGE_MAX_FRAME_BYTES_PER_SECOND', '64kb'],
    ['EDGE_TRUSTED_PROXIES', '10.0.0.0/33'],
    ['EDGE_TRUSTED_PROXIES', '10.0.0.0/8,'],
    ['EDGE_TRUSTED_PROXIES', 'balancer'],
    ['EDGE_TRUSTED_PROXIES', '10.0.0.0/255.0.255.0'],
    ['EDGE_ALLOWED_ORIGINS', 'app.example.com'],
    ['EDGE_ALLOWED_ORIGINS', 'https://app.example.com/'],
    ['EDGE_ALLOWED_ORIGINS', 'https://app.example.com/path'],
    ['EDGE_ALLOWED_ORIGINS', 'https://app.example.com?x'],
    ['EDGE_ALLOWED_ORIGINS', 'https://user@app.example.com'],
    ['EDGE_ALLOWED_ORIGINS', 'https://app.example.com:99999'],
    ['EDGE_ALLOWED_ORIGINS', 'https://*.example.com'],
    ['EDGE_ALLOWED_ORIGINS', 'https://app.example.com, *'],
    ['EDGE_ALLOWED_ORIGINS', 'https://'],
  ])('refuses %s=%s and names it', (name, value) => {
    expect(() => readConfig(edgeVariables, { [name]: value })).toThrow(new RegExp(`1 fault[^]*${name} must`));
  });

  it('takes origins as browsers write them, and networks', () => {
    const given = {
      EDGE_ALLOWED_ORIGINS: 'HTTPS://App.Example.com:443, http://localhost:5173,capacitor://localhost',
      EDGE_TRUSTED_PROXIES: '10.0.0.0/8, fd00::/8,192.0.2.7, 172.16.0.0/255.240.0.0, loopback',
    };
    const config = readConfig(edgeVariables, given);
    expect(config.EDGE_ALLOWED_ORIGINS).toEqual([
      'https://app.example.com',
      'http://localhost:5173',
      'capacitor://localhost',
    ]);
    expect(config.EDGE_TRUSTED_PROXIES).toHaveLength(5);
    expect(readConfig(edgeVariables, { EDGE_ALLOWED_ORIGINS: '*' }).EDGE_ALLOWED_ORIGINS).toEqual(['*']);
  });

  it('names every fault at once', () => {
    expect(() => readConfig(edgeVariables, { EDGE_PORT: 'x', EDGE_DRAIN_SECONDS: 'x', REDIS_URL: 'x' })).toThrow(
      /3 faults[^]*REDIS_URL[^]*EDGE_PORT[^]*EDGE_DRAIN_SECONDS/,
    );
  });
});

describe('settings that cannot work together', () => {
  it.each(['0.0.0.0', '::'])('are EDGE_HOST=%s and no EDGE_ADVERTISE_URL: clients would be sent there', (host) => {
    expect(() => readConfig(edgeVariables, { EDGE_HOST: host })).toThrow(
      /1 fault[^]*EDGE_ADVERTISE_URL must be set when EDGE_HOST is/,
    );
    const advertised = { EDGE_HOST: host, EDGE_ADVERTISE_URL: 'wss://push.example.com' };
    expect(readConfig(edgeVariables, advertised)).toMatchObject(advertised);
  });

  it('are more connections than the limit of open files has room for', () => {
    expect(() => readConfig(edgeVariables, { EDGE_MAX_CONNECTIONS: '9999999' })).toThrow(
      /1 fault[^]*EDGE_MAX_CONNECTIONS must fit the limit of open files \(ulimit -n\)/,
    );
  });

  it('are a limit of open files that leaves fewer than 100, unless fewer are asked for', () => {
    expect(descriptorFault(undefined, 356)).toBeNull();
    expect(descriptorFault(undefined, 355)).toMatch(/which is 355 and leaves 99 connections: raise the limit to 356/);
    expect(descriptorFault(undefined, 20)).toMatch(/leaves 0 connections/);
    expect(descriptorFault(50, 178)).toBeNull();
    expect(descriptorFault(50, 177)).toMatch(/raise the limit to 178 or more, or ask for fewer/);
  });

  it('are named beside the other faults', () => {
    expect(() => readConfig(edgeVariables, { EDGE_HOST: '0.0.0.0', EDGE_PORT: 'x' })).toThrow(
      /2 faults[^]*EDGE_PORT[^]*EDGE_ADVERTISE_URL/,
    );
  });
});

describe('how many processes share the port', () => {
  it('is the configured number, or one for each core', () => {
    expect(workerCount(readConfig(edgeVariables, { EDGE_WORKERS: '3' }))).toBe(3);
    expect(workerCount(readConfig(edgeVariables, { EDGE_WORKERS: 'auto' }))).toBe(availableParallelism());
  });
});

describe('how many connections an edge holds', () => {
  it('is the configured number', () => {
    expect(maxConnections({ EDGE_MAX_CONNECTIONS: 7 })).toBe(7);
  });

  it('or what its limit of open files leaves', () => {
    const most = maxConnections({ EDGE_MAX_CONNECTIONS: undefined });
    expect(most).toBeGreaterThan(0);
    expect(Number.isInteger(most)).toBe(true);
  });
});

function read(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8');
}

it('a container starts an edge as the script in package.json does', () => {
  const { scripts } = JSON.parse(read('../../../package.json')) as { scripts: Record<string, string> };
  const [, ...words] = (scripts['socket-edge'] ?? '').split(' ');
  const command = /^CMD (\[.*\])$/m.exec(read('../Dockerfile'))?.[1] ?? '[]';
  expect(JSON.parse(command)).toEqual(words);
});
