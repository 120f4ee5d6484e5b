import * as http from 'node:http';
import * as https from 'node:https';
import type { Position } from '@holdfast/protocol/position-order';
import { type ControlAnswer, CallRefused, Unreachable } from './control-answer.ts';

/** Longer than any call takes that is not stuck; a publish that is given up is settled by reading the log. */
const CALL_MS = 10_000;

export interface EdgeInfo {
  id: string;
  url: string;
  connections: number;
  draining: boolean;
}

/**
 * The calls of the control API that a load run makes. On node:http with connections that stay, and bodies taken as they
 * come: a run makes 100,000 calls and more on the machine that it measures.
 *
 * Every call rejects with {@link Unreachable} when there was no answer, and with {@link CallRefused} for one that is
 * not a success.
 */
export class Control {
  readonly #base: URL;
  readonly #key: string;
  readonly #agent: http.Agent;
  readonly #request: typeof http.request;

  /** `maxSockets`: how many calls may be under way at once; more wait. */
  constructor(url: string, key: string, maxSockets: number) {
    this.#base = new URL(url.endsWith('/') ? url : `${url}/`);
    this.#key = key;
    const isTls = this.#base.protocol === 'https:';
    const options = { keepAlive: true, maxSockets };
    this.#agent = isTls ? new https.Agent(options) : new http.Agent(options);
    this.#request = isTls ? https.request : http.request;
  }

  /** Gives up the connections it keeps. */
  close(): void {
    this.#agent.destroy();
  }

  async edges(): Promise<EdgeInfo[]> {
    const { edges } = (await this.#call('GET', 'v1/edges')) as { edges: EdgeInfo[] };
    return edges;
  }

  async createTopic(topic: string, history: { size: number; seconds: number }): Promise<void> {
    await this.#call('PUT', `v1/topics/${topic}`, JSON.stringify({ history }));
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.#call('DELETE', `v1/topics/${topic}`);
  }

  async register(clientId: string, topics: readonly string[]): Promise<void> {
    await this.#call('POST', 'v1/clients', JSON.stringify({ clientId, topics }));
  }

  async unregister(clientId: string): Promise<void> {
    await this.#call('DELETE', `v1/clients/${clientId}`);
  }

  /** Publishes JSON text as it is; gives the message's id. */
  async publish(topic: string, payloadText: string): Promise<Position> {
    const { id } = (await this.#call('POST', `v1/topics/${topic}/messages`, payloadText)) as { id: Position };
    return id;
  }

  /** One page of a topic's log. */
  async log(
    topic: string,
    after: Position,
    limit: number,
  ): Promise<{ messages: { id: Position; data: unknown }[]; more?: true }> {
    const query = new URLSearchParams({ after, limit: String(limit) });
    return (await this.#call('GET', `v1/topics/${topic}/messages?${query.toString()}`)) as {
      messages: { id: Position; data: unknown }[];
      more?: true;
    };
  }

  async #call(method: string, path: string, body?: string): Promise<unknown> {
    const { status, text } = await this.#send(method, path, body);
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch (cause) {
      throw new Unreachable(`${this.#base.href} answered ${status} with something that is not JSON`, { cause });
    }
    if (status < 200 || status > 299) throw new CallRefused(`${method} /${path.split('?')[0]}`, status, answer);
    return answer;
  }

  #send(method: string, path: string, body: string | undefined): Promise<ControlAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<ControlAnswer>();
    const fail = (cause: Error) =>
      reject(new Unreachable(`${this.#base.href} does not answer: ${cause.message}`, { cause }));
    const headers: http.OutgoingHttpHeaders = { 'x-api-key': this.#key };
    if (body !== undefined) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = Buffer.byteLength(body);
    }
    const url = new URL(path, this.#base);
    const request = this.#request(url, { method, headers, agent: this.#agent, timeout: CALL_MS }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
      response.on('error', fail);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${CALL_MS / 1000} s`)));
    request.on('error', fail);
    request.end(body);
    return promise;
  }
}
