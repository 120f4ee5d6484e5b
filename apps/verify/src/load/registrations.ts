import { forEachBounded } from '@holdfast/harness/bounded';
import type { ControlApi } from '@holdfast/harness/control-api';

/** Registers the clients of one process, and unregisters them, some at a time. Clients are known by their index. */
export class Registrations {
  readonly #control: ControlApi;
  readonly #clientIds: readonly string[];
  readonly #callsAtOnce: number;
  registered = 0;
  unregistered = 0;

  constructor(control: ControlApi, clientIds: readonly string[], callsAtOnce: number) {
    this.#control = control;
    this.#clientIds = clientIds;
    this.#callsAtOnce = callsAtOnce;
  }

  /** Registers all, each with its topics, and with an info if there is one. Rejects when one is refused for good. */
  register(
    topicsOf: (index: number) => readonly string[],
    signal: AbortSignal,
    infoOf?: (index: number) => unknown,
  ): Promise<void> {
    const register = async (clientId: string, index: number) => {
      await this.#control.register(clientId, topicsOf(index), signal, infoOf?.(index));
      this.registered += 1;
    };
    return forEachBounded(this.#clientIds, this.#callsAtOnce, register, signal);
  }

  /** Unregisters all, also those of which it is not known that they were registered. */
  unregister(): Promise<void> {
    return forEachBounded(this.#clientIds, this.#callsAtOnce, async (clientId) => {
      await this.#control.unregister(clientId);
      this.unregistered += 1;
    });
  }
}
