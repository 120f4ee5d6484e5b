import { createHealth } from '@holdfast/service/health';
import { createLogger } from '@holdfast/service/logger';
import { createMetrics } from '@holdfast/service/metrics';
import { onShutdown } from '@holdfast/service/shutdown';
import { authority } from '../http/admin-port.ts';
import type { EdgeConfig } from '../config.ts';
import { listenForAdmin } from '../http/admin-port.ts';
import { claimPort } from './claimed-port.ts';
import type { FromWorker } from './messages.ts';
import { WorkersReadiness } from './readiness.ts';
import { Scrapes } from './scrapes.ts';
import { Supervisor } from './supervisor.ts';
import { exposeWorkers } from './worker-metrics.ts';
import { type WorkerProcess, startWorker } from './worker-process.ts';

const SERVICE = 'socket-edge';
/** Beyond the drain itself: what a worker takes at most (10 s), and some more, so that it is the worker that logs what hung. */
const SHUTDOWN_RESERVE_MS = 12_000;

/** What is needed of node:process. */
export interface ParentProcess {
  readonly env: NodeJS.ProcessEnv;
  once(event: 'exit', listener: () => void): unknown;
}

/** Runs several edges on one port until a signal ends them all. This process holds no connection itself. */
export async function runWorkers(config: EdgeConfig, count: number, self: ParentProcess): Promise<void> {
  const logger = createLogger({ service: SERVICE, level: config.LOG_LEVEL });
  const metrics = createMetrics({ service: SERVICE, ofProcess: false });
  const { port, check } = await claimPort(config.EDGE_HOST, config.EDGE_PORT);
  const env = { ...self.env, EDGE_PORT: String(port), EDGE_WORKERS: '1' };

  const supervisor = new Supervisor({
    count,
    start: () => {
      const worker = startWorker(env);
      worker.onMessage((message) => onMessage(worker, message));
      return worker;
    },
    check,
    onEnded: (worker) => {
      scrapes.onEnded(worker);
      readiness.onEnded(worker);
    },
    logger,
  });
  const scrapes = new Scrapes(
    () => supervisor.listening,
    () => metrics.snapshot(),
  );
  const readiness = new WorkersReadiness(() => supervisor.listening);
  const health = createHealth();
  health.check('workers', () => readiness.check());
  exposeWorkers(metrics, supervisor);

  function onMessage(worker: WorkerProcess, message: FromWorker): void {
    if (message.kind === 'metrics') scrapes.onMetrics(worker, message.round, message.metrics);
    if (message.kind === 'readiness') readiness.onReport(worker, message.reason);
    if (message.kind === 'scrape') void answerScrape(worker, message.scrape);
  }

  async function answerScrape(worker: WorkerProcess, scrape: number): Promise<void> {
    worker.send({ kind: 'metrics-of-all', scrape, text: await scrapes.text() });
  }

  const onError = (error: unknown): void => logger.error({ err: error }, 'unexpected error');
  const admin = await listenForAdmin(config, { health, metrics: scrapes, onError });
  await supervisor.start();
  const address = `http://${authority(config.EDGE_HOST, port)}`;
  logger.info({ address, ...(admin && { admin: admin.address }), workers: count }, 'listening');

  onShutdown({
    logger,
    deadlineMs: config.EDGE_DRAIN_SECONDS * 1000 + SHUTDOWN_RESERVE_MS,
    steps: [
      { name: 'not ready', run: () => health.drain() },
      {
        name: 'drain the workers',
        run: () => {
          // Whatever ends this process from now on, a second signal or the deadline, ends them.
          self.once('exit', () => supervisor.kill());
          return supervisor.drain();
        },
      },
      { name: 'close the port for administration', run: () => admin?.close() },
    ],
  });
}
