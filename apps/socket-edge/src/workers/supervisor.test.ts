import { captureLog } from '@holdfast/service/captured-log';
import { eventually } from '@holdfast/testkit/eventually';
import { expect, test } from 'vitest';
import { ScriptedWorker } from '../testing/scripted-worker.ts';
import { Supervisor, type SupervisorOptions } from './supervisor.ts';

function supervise(options: Partial<SupervisorOptions> = {}) {
  const workers: ScriptedWorker[] = [];
  const log = captureLog();
  const ended: unknown[] = [];
  const supervisor = new Supervisor({
    count: 2,
    start: () => {
      const worker = new ScriptedWorker();
      workers.push(worker);
      return worker;
    },
    check: async () => undefined,
    onEnded: (worker) => ended.push(worker),
    logger: log.logger,
    backoff: { baseMs: 1, capMs: 5 },
    ...options,
  });
  return { supervisor, workers, log, ended };
}

/** The same, with all of them listening. */
async function supervised(options: Partial<SupervisorOptions> = {}) {
  const all = supervise(options);
  const started = all.supervisor.start();
  for (const worker of all.workers) worker.emit({ kind: 'listening' });
  await started;
  return all;
}

test('it has started when all workers listen, and not before', async () => {
  const { supervisor, workers } = supervise();
  let started = false;
  const starting = supervisor.start().then(() => (started = true));
  workers[0]?.emit({ kind: 'listening' });
  await new Promise(setImmediate);
  expect(started).toBe(false);
  workers[1]?.emit({ kind: 'listening' });
  await starting;
  expect([...supervisor.listening]).toEqual(workers);
});

test('when one ends before it listens the start fails, and the others are ended', async () => {
  const { supervisor, workers } = supervise();
  const starting = supervisor.start();
  workers[0]?.emit({ kind: 'listening' });
  workers[1]?.ends(1);
  await expect(starting).rejects.toThrow('A worker ended before it listened (exit code 1).');
  expect(workers[0]?.signals).toEqual(['SIGKILL']);
});

test('a worker that dies is replaced, also the one that took its place', async () => {
  const { supervisor, workers, log, ended } = await supervised();
  workers[0]?.ends(null, 'SIGKILL');
  await eventually(() => expect(workers).toHaveLength(3));
  expect(log.linesWith('worker exited: replacing it')).toMatchObject([{ worker: workers[0]?.pid, signal: 'SIGKILL' }]);
  expect([...supervisor.listening]).toEqual([workers[1]]);
  workers[2]?.ends(1);
  await eventually(() => expect(workers).toHaveLength(4));
  workers[3]?.emit({ kind: 'listening' });
  expect([...supervisor.listening]).toEqual([workers[1], workers[3]]);
  expect(supervisor.restarts).toBe(2);
  expect(ended).toEqual([workers[0], workers[2]]);
});

test('a worker that dies again and again is started after ever longer delays', async () => {
  const capMs = 64;
  const { workers, log } = await supervised({ count: 1, backoff: { baseMs: 1, capMs } });
  for (let n = 0; n < 30; n += 1) {
    await eventually(() => expect(workers).toHaveLength(n + 1));
    workers[n]?.ends(1);
  }
  await eventually(() => expect(workers).toHaveLength(31));
  const delays = log.linesWith('worker exited: replacing it').map(({ delayMs }) => Number(delayMs));
  expect(delays).toHaveLength(30);
  expect(Math.max(...delays.slice(0, 2))).toBeLessThanOrEqual(2);
  expect(Math.max(...delays)).toBeLessThanOrEqual(capMs);
  // All of 24 delays in the lower half of what they may be: once in 16 million runs.
  expect(Math.max(...delays.slice(6))).toBeGreaterThan(capMs / 2);
});

test('while no worker is left none is started as long as somebody else has the port', async () => {
  let taken = 3;
  const { workers, log } = await supervised({
    count: 1,
    check: async () => {
      taken -= 1;
      if (taken >= 0) throw new Error('taken');
    },
  });
  workers[0]?.ends(1);
  await eventually(() => expect(workers).toHaveLength(2));
  expect(taken).toBe(-1);
  expect(log.linesWith('port taken by another process: waiting to start workers')).toHaveLength(3);
});

test('a drain is sent to every worker once and is over when all have gone; none is started in their place', async () => {
  const { supervisor, workers } = await supervised();
  const drained = supervisor.drain();
  expect(workers.map(({ received }) => received)).toEqual([[{ kind: 'drain' }], [{ kind: 'drain' }]]);
  for (const worker of workers) worker.ends(0);
  await drained;
  expect(workers).toHaveLength(2);
});

test('a drain fails when a worker did not end in good order', async () => {
  const { supervisor, workers } = await supervised();
  const drained = supervisor.drain();
  workers[0]?.ends(0);
  workers[1]?.ends(1);
  await expect(drained).rejects.toThrow('1 of 2 workers did not end in good order');
});

test('a worker that is being replaced at the drain is not started, and one that does not listen yet is ended at once', async () => {
  const { supervisor, workers } = await supervised({ count: 3, backoff: { baseMs: 1, capMs: 1 } });
  workers[0]?.ends(1);
  await eventually(() => expect(workers).toHaveLength(4));
  const drained = supervisor.drain();
  expect(workers[3]).toMatchObject({ received: [], signals: ['SIGKILL'] });
  workers[3]?.ends(null, 'SIGKILL');
  workers[1]?.ends(0);
  workers[2]?.ends(0);
  await drained;
  expect(workers).toHaveLength(4);
});

test('a kill ends all at once', async () => {
  const { supervisor, workers } = await supervised();
  supervisor.kill();
  expect(workers.map(({ signals }) => signals)).toEqual([['SIGKILL'], ['SIGKILL']]);
});
