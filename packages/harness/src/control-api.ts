import type { Position } from '@holdfast/protocol/position-order';
import { HttpPool, Unreachable } from './http-pool.ts';

export interface EdgeInfo {
  id: string;
  url: string;
  connections: number;
  draining: boolean;
}

/** The control API answered with a problem. */
export class CallRefused extends Error {
  override readonly name = 'CallRefused';
  readonly status: number;
  /** The constant code of the problem document (RFC 9457). */
  readonly code: string;

  constructor(call: string, status: number, answer: unknown) {
    const { code, detail, title } = (answer ?? {}) as Record<string, unknown>;
    const why = [detail, title].find((text) => typeof text === 'string');
    super(`${call}: ${status}${typeof code === 'string' ? ` ${code}` : ''}${why === undefined ? '' : ` (${why})`}`);
    this.status = status;
    this.code = typeof code === 'string' ? code : 'none';
  }
}

/** Whether a call may succeed when it is repeated later; and then it is open what the one before did. */
export function isTransient(error: unknown): boolean {
  return (
    error instanceof Unreachable || (error instanceof CallRefused && (error.status >= 500 || error.status === 429))
  );
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

  async createTopic(topic: string, history: { size: number; seconds: number }): Promise<void> {
    await this.#call('PUT', `/v1/topics/${topic}`, JSON.stringify({ history }));
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.#call('DELETE', `/v1/topics/${topic}`);
  }

  async register(clientId: string, topics: readonly string[]): Promise<void> {
    await this.#call('POST', '/v1/clients', JSON.stringify({ clientId, topics }));
  }

  async unregister(clientId: string): Promise<void> {
    await this.#call('DELETE', `/v1/clients/${clientId}`);
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
