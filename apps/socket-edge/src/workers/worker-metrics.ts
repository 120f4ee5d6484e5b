import type { Metrics } from '@holdfast/service/metrics';
import type { Supervisor } from './supervisor.ts';

/** Makes metrics of what the parent of workers knows. */
export function exposeWorkers(metrics: Metrics, supervisor: Supervisor): void {
  const workers = metrics.gauge('workers', 'Workers that listen now; only with EDGE_WORKERS above 1');
  const restarts = metrics.counter('worker_restarts_total', 'Workers started in place of one that ended');
  // prom-client calls `collect` before it reads a metric.
  Object.assign(workers, { collect: () => workers.set(supervisor.listening.size) });
  Object.assign(restarts, {
    collect: () => {
      restarts.reset();
      restarts.inc(supervisor.restarts);
    },
  });
}
