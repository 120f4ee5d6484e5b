import type { DrainRequest } from '@holdfast/broker/edge-state';
import type { Logger } from '@holdfast/service/logger';
import type { ConnectionSlices } from './connection-list.ts';
import { drain } from './drain.ts';

export interface RequestedDrainDeps {
  lists: readonly ConnectionSlices[];
  /** Over how long the connections are closed. */
  seconds: number;
  logger: Logger;
  onError: (error: unknown) => void;
}

/** Drains an edge at the request of an operator, and takes connections again at the next one. The process stays. */
export class RequestedDrain {
  readonly #deps: RequestedDrainDeps;
  #request: DrainRequest = { drain: false, at: 0 };
  #underWay = new AbortController();

  constructor(deps: RequestedDrainDeps) {
    this.#deps = deps;
  }

  /** The newest request, whether Redis still has it or not. */
  get request(): DrainRequest {
    return this.#request;
  }

  get draining(): boolean {
    return this.#request.drain;
  }

  /** Follows a request, unless it is an old one. True when it changes whether connections are taken. */
  follow(request: DrainRequest): boolean {
    if (request.at <= this.#request.at) return false;
    const changes = request.drain !== this.#request.drain;
    this.#request = request;
    if (!changes) return false;
    this.stop();
    if (request.drain) void this.#begin();
    else this.#deps.logger.info('taking connections again at the request of an operator');
    return true;
  }

  /** Closes no further connection: they stay, or the process ends and closes them itself. */
  stop(): void {
    this.#underWay.abort();
    this.#underWay = new AbortController();
  }

  async #begin(): Promise<void> {
    const { lists, seconds, logger, onError } = this.#deps;
    const { signal } = this.#underWay;
    const connections = lists.reduce((sum, { size }) => sum + size, 0);
    logger.info({ connections, seconds }, 'draining at the request of an operator');
    try {
      await drain(lists, seconds, signal);
      if (!signal.aborted) logger.info('drained: waiting for a request to take connections again');
    } catch (error) {
      onError(error);
    }
  }
}
