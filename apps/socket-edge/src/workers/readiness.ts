import type { Readiness } from '@holdfast/service/health';
import type { WorkerProcess } from './worker-process.ts';

/** Workers report every second. One that has not for so long is stuck. */
const SILENT_MS = 5000;

/** Whether the workers of a port can take new work, by what they reported last. */
export class WorkersReadiness {
  readonly #workers: () => ReadonlySet<WorkerProcess>;
  readonly #now: () => number;
  readonly #reports = new Map<WorkerProcess, { reason: string | null; at: number }>();

  /**
   * @param workers those that listen now
   * @param now a monotonic clock, in milliseconds
   */
  constructor(workers: () => ReadonlySet<WorkerProcess>, now: () => number = () => performance.now()) {
    this.#workers = workers;
    this.#now = now;
  }

  onReport(worker: WorkerProcess, reason: string | null): void {
    this.#reports.set(worker, { reason, at: this.#now() });
  }

  onEnded(worker: WorkerProcess): void {
    this.#reports.delete(worker);
  }

  /** Null when every worker that listens is ready, else why each of the others is not. A connection may come to any of them. */
  check(): string | null {
    const workers = [...this.#workers()];
    if (workers.length === 0) return 'no worker listens';
    const reasons = workers.flatMap((worker) => {
      const reason = this.#reasonOf(worker);
      return reason === null ? [] : [`worker ${worker.pid}: ${reason}`];
    });
    return reasons.length === 0 ? null : reasons.join('; ');
  }

  #reasonOf(worker: WorkerProcess): string | null {
    const report = this.#reports.get(worker);
    if (report === undefined) return 'has not reported yet';
    const silentMs = this.#now() - report.at;
    return silentMs > SILENT_MS ? `has not reported for ${Math.round(silentMs / 1000)} s` : report.reason;
  }
}

/** Why a process is not ready, as one text; null when it is. */
export function reasonIn({ ready, checks }: Readiness): string | null {
  if (ready) return null;
  const failing = Object.entries(checks).filter(([, result]) => result !== 'ok');
  return failing.map(([name, result]) => `${name}: ${result}`).join(', ');
}
