import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ProblemCode, PROBLEM_MEDIA_TYPE, problemOf } from '@holdfast/protocol/problems';

const MINUTE = 60_000;

export interface ScriptedCall {
  call: string;
  authorization: string | undefined;
  body: string;
}

export type Answer = (response: ServerResponse, call: ScriptedCall) => void;

/** The answer that carries a problem. */
export function refusal(code: ProblemCode, detail = `why ${code}`): Answer {
  return (response) => {
    const problem = problemOf(code, { detail });
    response.writeHead(problem.status, { 'content-type': PROBLEM_MEDIA_TYPE }).end(JSON.stringify(problem));
  };
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return (response) => response.writeHead(status, headers).end(JSON.stringify(body));
}

/** A control-api that registers whoever comes with any token, and otherwise answers what the test says. */
export class ScriptedControl implements AsyncDisposable {
  readonly calls: ScriptedCall[] = [];
  /** Answers to the next calls, in their order, in place of the usual ones. */
  readonly next: Answer[] = [];
  clientId = '3f0c8f5e-7a54-4c7e-9d8e-0c9f2d1f6a11';
  lifeMs = 60 * MINUTE;
  urls: string[];
  /** In place of the present time. */
  date: Date | undefined;
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #known = new Set<string>();

  private constructor(urls: string[]) {
    this.urls = urls;
  }

  static async start(...urls: string[]): Promise<ScriptedControl> {
    const control = new ScriptedControl(urls);
    control.#server.listen(0, '127.0.0.1');
    await once(control.#server, 'listening');
    return control;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The tokens that were registered with, in order. */
  get tokens(): (string | undefined)[] {
    return this.calls.filter(({ call }) => call === 'POST /v1/clients').map(({ authorization }) => authorization);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
    const { authorization } = request.headers;
    const call = {
      call: `${request.method} ${request.url}`,
      authorization: authorization?.replace('Bearer ', ''),
      body,
    };
    this.calls.push(call);
    const answer = this.next.shift() ?? (call.call === 'POST /v1/clients' ? this.register : json(200, { topics: [] }));
    answer(response, call);
  }

  readonly register: Answer = (response) => {
    const { clientId, urls, lifeMs, date = new Date() } = this;
    const status = this.#known.has(clientId) ? 200 : 201;
    this.#known.add(clientId);
    const expiresAt = new Date(date.getTime() + lifeMs).toISOString();
    const body = { clientId, name: 'ann', topics: [], connect: { url: urls[0] ?? null, urls }, expiresAt };
    json(status, body, { date: date.toUTCString() })(response, { call: '', authorization: undefined, body: '' });
  };

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
