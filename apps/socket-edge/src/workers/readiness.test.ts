import { createHealth } from '@holdfast/service/health';
import { expect, test } from 'vitest';
import { ScriptedWorker } from '../testing/scripted-worker.ts';
import { WorkersReadiness, reasonIn } from './readiness.ts';

function setUp() {
  let ms = 0;
  const [one, two] = [new ScriptedWorker(), new ScriptedWorker()];
  const workers = new Set([one, two]);
  const readiness = new WorkersReadiness(
    () => workers,
    () => ms,
  );
  return { one, two, workers, readiness, pass: (seconds: number): number => (ms += seconds * 1000) };
}

test('all are ready when every worker that listens reported so', () => {
  const { one, two, workers, readiness } = setUp();
  readiness.onReport(one, null);
  expect(readiness.check()).toBe(`worker ${two.pid}: has not reported yet`);
  readiness.onReport(two, null);
  expect(readiness.check()).toBeNull();
  readiness.onReport(two, 'hearing: nothing received');
  expect(readiness.check()).toBe(`worker ${two.pid}: hearing: nothing received`);
  readiness.onEnded(two);
  workers.delete(two);
  expect(readiness.check()).toBeNull();
});

test('a worker that stands still is not ready, and no worker at all is not either', () => {
  const { one, two, workers, readiness, pass } = setUp();
  readiness.onReport(one, null);
  readiness.onReport(two, null);
  pass(4);
  readiness.onReport(one, null);
  pass(3);
  expect(readiness.check()).toBe(`worker ${two.pid}: has not reported for 7 s`);
  workers.clear();
  expect(readiness.check()).toBe('no worker listens');
});

test('a worker reports which of its checks fail', () => {
  const health = createHealth();
  health.check('redis', () => null);
  expect(reasonIn(health.readiness())).toBeNull();
  health.check('lease', () => 'not taken');
  health.drain();
  expect(reasonIn(health.readiness())).toBe('lease: not taken, draining: shutting down');
});
