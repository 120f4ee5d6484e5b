import type { FromWorker, ToWorker } from '../workers/messages.ts';
import type { Exit, WorkerProcess } from '../workers/worker-process.ts';

/** A worker without a process, scripted by a test. */
export class ScriptedWorker implements WorkerProcess {
  static #pids = 0;
  readonly pid = (ScriptedWorker.#pids += 1);
  readonly received: ToWorker[] = [];
  readonly signals: NodeJS.Signals[] = [];
  readonly #exit = Promise.withResolvers<Exit>();
  readonly exited = this.#exit.promise;
  readonly #listeners: ((message: FromWorker) => void)[] = [];

  readonly onMessage = (listener: (message: FromWorker) => void): void => {
    this.#listeners.push(listener);
  };
  readonly send = (message: ToWorker): void => {
    this.received.push(message);
  };
  readonly kill = (signal: NodeJS.Signals): void => {
    this.signals.push(signal);
  };

  emit(message: FromWorker): void {
    for (const listener of this.#listeners) listener(message);
  }

  ends(code: number | null, signal: NodeJS.Signals | null = null): void {
    this.#exit.resolve({ code, signal });
  }
}
