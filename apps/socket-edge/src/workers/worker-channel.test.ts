import { EventEmitter } from 'node:events';
import { createHealth } from '@holdfast/service/health';
import { createMetrics } from '@holdfast/service/metrics';
import { afterAll, expect, test, vi } from 'vitest';
import type { FromWorker } from './messages.ts';
import { WorkerChannel, type WorkerChannelOptions } from './worker-channel.ts';

const metrics = createMetrics({ service: 'edge', ofProcess: false });
metrics.gauge('connections', 'Connections').set(7);
afterAll(() => metrics.stop());

function take(options: Partial<WorkerChannelOptions> = {}) {
  const sent: FromWorker[] = [];
  const channel = Object.assign(new EventEmitter(), {
    connected: true,
    send: (message: FromWorker) => sent.push(message),
  });
  const onDrain = vi.fn<() => void>();
  const onOrphaned = vi.fn<() => void>();
  const onError = vi.fn<(error: unknown) => void>();
  const worker = new WorkerChannel({
    channel,
    metrics,
    health: createHealth(),
    onDrain,
    onOrphaned,
    onError,
    ...options,
  });
  return { worker, channel, sent, onDrain, onOrphaned, onError };
}

test('a scrape is answered with the metrics of all workers, each with its own answer', async () => {
  const { worker, channel, sent } = take();
  const [first, second] = [worker.text(), worker.text()];
  expect(sent).toEqual([
    { kind: 'scrape', scrape: 1 },
    { kind: 'scrape', scrape: 2 },
  ]);
  channel.emit('message', { kind: 'metrics-of-all', scrape: 2, text: { contentType: 'text', body: 'two' } });
  channel.emit('message', { kind: 'metrics-of-all', scrape: 1, text: { contentType: 'text', body: 'one' } });
  expect([(await first).body, (await second).body]).toEqual(['one', 'two']);
});

test('a parent that does not answer fails the scrape, and an answer that comes later is dropped', async () => {
  const { worker, channel } = take({ scrapeMs: 1 });
  await expect(worker.text()).rejects.toThrow(/did not send .* in time/);
  channel.emit('message', { kind: 'metrics-of-all', scrape: 1, text: { contentType: 'text', body: 'late' } });
});

test('asked for its metrics it sends them, with the number of the round', async () => {
  const { channel, sent, onError } = take();
  channel.emit('message', { kind: 'send-metrics', round: 4 });
  await vi.waitFor(() => expect(sent).toHaveLength(1), { timeout: 20_000 });
  expect(sent).toMatchObject([{ kind: 'metrics', round: 4, metrics: [{ name: 'holdfast_connections' }] }]);
  expect(onError).not.toHaveBeenCalled();
});

test('asked to drain, or left by its parent, it reports that and sends the parent nothing more', async () => {
  const { worker, channel, sent, onDrain, onOrphaned } = take();
  channel.emit('message', { kind: 'drain' });
  expect(onDrain).toHaveBeenCalledTimes(1);
  channel.connected = false;
  channel.emit('disconnect');
  expect(onOrphaned).toHaveBeenCalledTimes(1);
  worker.listening();
  expect(sent).toEqual([]);
});
