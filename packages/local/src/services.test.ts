import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { isAlive } from './is-alive.ts';
import { Service, logEntry } from './services.ts';

const WELL_BEHAVED = `
  process.on('SIGTERM', () => { console.log('{"msg":"bye"}'); process.exit(0); });
  setInterval(() => {}, 1000);
  console.log('{"msg":"starting"}');
  console.log(JSON.stringify({ msg: 'env', names: Object.keys(process.env), level: process.env.LOG_LEVEL }));
  console.log('{"level":"info","msg":"listening","address":"http://127.0.0.1:4711"}');
`;

describe('a service', () => {
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  async function program(source: string): Promise<string> {
    const file = join(directory, `program-${Math.random()}.mjs`);
    await writeFile(file, source);
    return file;
  }

  async function start(source: string, env: Record<string, string> = {}, onLine?: (line: string) => void) {
    return Service.start({ app: 'socket-edge', program: await program(source), env, ...(onLine && { onLine }) });
  }

  it('gives the address of the line that says listening, every line, and how it ended', async () => {
    const lines: string[] = [];
    const service = await start(WELL_BEHAVED, {}, (line) => lines.push(line));
    expect(service.url).toBe('http://127.0.0.1:4711');
    expect(isAlive(service.pid)).toBe(true);
    expect(await service.stop()).toEqual({ code: 0, signal: null });
    expect(await service.exited).toEqual({ code: 0, signal: null });
    expect(isAlive(service.pid)).toBe(false);
    expect(lines.at(0)).toBe('{"msg":"starting"}');
    expect(lines.at(-1)).toBe('{"msg":"bye"}');
    expect(service.lines()).toEqual(lines);
  });

  it('gives the process the variables that were given and none of a test runner, and a level at which it logs that it listens', async () => {
    const service = await start(WELL_BEHAVED, { REDIS_PREFIX: 'x:', LOG_LEVEL: 'silent' });
    await service.stop();
    const entry = service
      .lines()
      .map(logEntry)
      .find((line) => line?.['msg'] === 'env');
    expect(entry?.['names']).toContain('REDIS_PREFIX');
    expect(entry?.['names']).not.toContain('VITEST');
    expect(entry?.['level']).toBe('info');
  });

  it('rejects with what the process printed when it ends before it listens', async () => {
    await expect(start(`console.error('CONTROL_PORT: 99999 is no port'); process.exitCode = 3`)).rejects.toThrow(
      /socket-edge ended at once \(exit code 3\).*CONTROL_PORT: 99999 is no port/s,
    );
  });

  it('ends a service that does not hear SIGTERM, after its drain time', async () => {
    const service = await start(`process.on('SIGTERM', () => {});${WELL_BEHAVED.split('\n').slice(2).join('\n')}`);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const stopped = service.stop();
    // The default of the drain time, and the grace on top of it.
    vi.advanceTimersByTime(40_000);
    vi.useRealTimers();
    expect(await stopped).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('keeps the last 200 lines', async () => {
    const service = await start(`for (let i = 0; i < 500; i += 1) console.log('line ' + i);${WELL_BEHAVED}`);
    await service.stop();
    expect(service.lines()).toHaveLength(200);
    expect(service.lines().at(-1)).toBe('{"msg":"bye"}');
  });

  it('lets no service outlive a starter that was killed with SIGKILL', async () => {
    const services = JSON.stringify(new URL('services.ts', import.meta.url).href);
    const starter = await program(`
      import { Service } from ${services};
      const service = await Service.start({
        app: 'socket-edge', program: ${JSON.stringify(await program(WELL_BEHAVED))}, env: {},
      });
      console.log(service.pid);
      setInterval(() => {}, 1000);
    `);
    const parent = spawn(process.execPath, [starter], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(line);
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await vi.waitUntil(() => !isAlive(pid), { timeout: 30_000 });
  });
});

describe('logEntry', () => {
  it('takes JSON objects apart and passes over everything else a process prints', () => {
    expect(logEntry('{"msg":"x"}')).toEqual({ msg: 'x' });
    expect(logEntry('{"msg":"x')).toBeUndefined();
    expect(logEntry('Error: no')).toBeUndefined();
    expect(logEntry('')).toBeUndefined();
  });
});
