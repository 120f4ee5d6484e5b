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
  ])('refuses %s=%s and names it', (name, value) => {
    expect(() => readConfig(edgeVariables, { [name]: value })).toThrow(new RegExp(`1 fault[^]*${name} must`));
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
