import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { readConfig } from '@holdfast/service/config';
import { describe, expect, it } from 'vitest';
import { edgeVariables, maxConnections, workerCount } from './config.ts';

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

describe('how many processes share the port', () => {
  it('is what it is told, or one for each core', () => {
    expect(workerCount(readConfig(edgeVariables, { EDGE_WORKERS: '3' }))).toBe(3);
    expect(workerCount(readConfig(edgeVariables, { EDGE_WORKERS: 'auto' }))).toBe(availableParallelism());
  });
});

describe('how many connections an edge holds', () => {
  it('is what it is told', () => {
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
