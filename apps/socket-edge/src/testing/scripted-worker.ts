import type { FromWorker, ToWorker } from '../workers/messages.ts';
import type { Exit, WorkerProcess } from '../workers/worker-process.ts';

/** A worker without a process, that does what a test says. */
export class ScriptedWorker implements WorkerProcess {
  static #pids = 0;
  readonly pid = (ScriptedWorker.#pids += 1);
  readonly told: ToWorker[] = [];
  readonly signals: NodeJS.Signals[] = [];
  readonly #exit = Promise.withResolvers<Exit>();
  readonly exited = this.#exit.promise;
  readonly #listeners: ((message: FromWorker) => void)[] = [];

  readonly onMessage = (listener: (message: FromWorker) => void): void => {
    this.#listeners.push(listener);
  };
  readonly send = (message: ToWorker): void => {
    this.told.push(message);
  };
  readonly kill = (signal: NodeJS.Signals): void => {
    this.signals.push(signal);
  };

  says(message: FromWorker): void {
    for (const listener of this.#listeners) listener(message);
  }

  ends(code: number | null, signal: NodeJS.Signals | null = null): void {
    this.#exit.resolve({ code, signal });
  }
}
