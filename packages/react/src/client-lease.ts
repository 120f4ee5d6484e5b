import { type ConnectOptions, type HoldfastClient, type Positions, connect } from '@holdfast/client';

/**
 * Holds the client of a provider while that is mounted. In strict mode React unmounts and mounts again at once: the client
 * is closed only when nothing takes it in that moment. One that is taken later goes on where the one before was.
 */
export class ClientLease {
  readonly #options: ConnectOptions;
  #client: HoldfastClient | undefined;
  #positions: Positions | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ConnectOptions) {
    this.#options = options;
    this.#positions = options.positions;
  }

  take(): HoldfastClient {
    clearTimeout(this.#timer);
    this.#client ??= connect({ ...this.#options, positions: this.#positions });
    return this.#client;
  }

  release(): void {
    this.#timer = setTimeout(() => {
      this.#positions = this.#client?.positions();
      this.#client?.close();
      this.#client = undefined;
    });
  }
}
