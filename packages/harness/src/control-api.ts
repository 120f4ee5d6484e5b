import type { Position } from '@holdfast/protocol/position-order';
import { HttpPool, Unreachable } from './http-pool.ts';
import { CallRefused, retrying } from './retry.ts';

export interface EdgeInfo {
  id: string;
  url: string;
  connections: number;
  draining: boolean;
}

/**
 * The calls of the control API that a verifying run makes. Every call rejects with {@link Unreachable} when there was
 * no answer, and with {@link CallRefused} for one that is not a success.
 */
export class ControlApi {
  readonly #pool: HttpPool;

  /** `limit`: how many calls may be under way at once; more wait. */
  constructor(url: string, key: string, limit: number) {
    this.#pool = new HttpPool(url, limit, { 'X-API-Key': key });
  }

  /** Gives up the connections it keeps. */
  close(): void {
    this.#pool.close();
  }

  async edges(): Promise<EdgeInfo[]> {
    const { edges } = (await this.#call('GET', '/v1/edges')) as { edges: EdgeInfo[] };
    return edges;
  }

  async createTopic(
    topic: string,
    history: { size: number; seconds: number },
    presence?: { by: 'user' | 'client'; limit: number },
  ): Promise<void> {
    await this.#call('PUT', `/v1/topics/${topic}`, JSON.stringify({ history, presence }));
  }

  /** How many are present on a topic that has presence. */
  async presentOn(topic: string): Promise<number> {
    const { count } = (await this.#call('GET', `/v1/topics/${topic}/presence?limit=1`)) as { count: number };
    return count;
  }

  /** Deletes a topic, again while the installation is away for a moment. One that does not exist (any more) is as good. */
  async deleteTopic(topic: string): Promise<void> {
    await retrying(() => unless('topic-not-found', this.#call('DELETE', `/v1/topics/${topic}`)));
  }

  /** Registers a client, again while the installation is away for a moment. Rejects when it is refused. */
  async register(clientId: string, topics: readonly string[], signal: AbortSignal, info?: unknown): Promise<void> {
    const body = JSON.stringify({ clientId, topics, info });
    await retrying((attempt) => {
      const call = this.#call('POST', '/v1/clients', body);
      // The attempt before got no answer, and had succeeded.
      return attempt > 1 ? unless('client-exists', call) : call;
    }, signal);
  }

  /** Unregisters a client, likewise. One that is not registered (any more) is as good. */
  async unregister(clientId: string): Promise<void> {
    await retrying(() => unless('user-not-found', this.#call('DELETE', `/v1/clients/${clientId}`)));
  }

  /** Publishes JSON text as it is; gives the message's id. */
  async publish(topic: string, payloadText: string): Promise<Position> {
    const { id } = (await this.#call('POST', `/v1/topics/${topic}/messages`, payloadText)) as { id: Position };
    return id;
  }

  /** One page of a topic's log. */
  async log(
    topic: string,
    after: Position,
    limit: number,
  ): Promise<{ messages: { id: Position; data: unknown }[]; more?: true }> {
    const query = new URLSearchParams({ after, limit: String(limit) });
    return (await this.#call('GET', `/v1/topics/${topic}/messages?${query.toString()}`)) as {
      messages: { id: Position; data: unknown }[];
      more?: true;
    };
  }

  async #call(method: string, path: string, body?: string): Promise<unknown> {
    const { status, body: text } = await this.#pool.send(method, path, body);
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch (cause) {
      throw new Unreachable(`${this.#pool.base.href} answered ${status} with something that is not JSON`, { cause });
    }
    if (status < 200 || status > 299) throw new CallRefused(`${method} ${path.split('?')[0]}`, status, answer);
    return answer;
  }
}

/** The call, which a refusal with this code makes good as well. */
async function unless(code: string, call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof CallRefused && error.code === code)) throw error;
  }
}
