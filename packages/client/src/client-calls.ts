import type { Authorization } from './authorization/authorization.ts';
import { HoldfastError } from './holdfast-error.ts';
import { type CallOptions } from './http-call.ts';
import { type ClientTopics, type PublishOptions, type Published, type Rest, createRest } from './rest.ts';

interface CallerOptions {
  controlUrl: string | undefined;
  fetch: typeof globalThis.fetch | undefined;
  clientId: () => string;
  authorization: Authorization | undefined;
  isClosed: () => boolean;
}

/** What a connected client does over REST: by its token, or by its id. */
export class ClientCalls {
  readonly #options: CallerOptions;

  constructor(options: CallerOptions) {
    this.#options = options;
  }

  subscribe(topics: readonly string[], options?: CallOptions): Promise<ClientTopics> {
    return this.#call((rest) => rest.subscribe(this.#options.clientId(), topics, options), options);
  }

  unsubscribe(topics: readonly string[], options?: CallOptions): Promise<ClientTopics> {
    return this.#call((rest) => rest.unsubscribe(this.#options.clientId(), topics, options), options);
  }

  async publish(topic: string, data: unknown, options?: PublishOptions): Promise<Published> {
    if (this.#options.authorization === undefined) {
      throw new HoldfastError('no-token', 'a client publishes with a token: connect with getToken');
    }
    return this.#call((rest) => rest.publish(topic, data, options), options);
  }

  async #call<Answer>(send: (rest: Rest) => Promise<Answer>, { signal }: CallOptions = {}): Promise<Answer> {
    const { controlUrl, fetch, authorization, isClosed } = this.#options;
    signal?.throwIfAborted();
    if (isClosed()) throw new HoldfastError('closed', 'the client is closed');
    if (controlUrl === undefined) throw new HoldfastError('no-control-url', 'connect was given no controlUrl');
    if (authorization === undefined) return send(createRest({ controlUrl, fetch }));
    const withToken = (): Promise<Answer> => {
      signal?.throwIfAborted();
      return send(createRest({ controlUrl, fetch, token: authorization.token }));
    };
    if (authorization.isOver) await authorization.renew();
    const used = authorization.token;
    try {
      return await withToken();
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code !== 'token-expired') throw error;
      // Another call may have renewed it meanwhile.
      if (authorization.token === used) await authorization.renew();
      return withToken();
    }
  }
}
