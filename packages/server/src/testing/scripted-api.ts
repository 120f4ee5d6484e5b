import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type ProblemCode, PROBLEM_MEDIA_TYPE, problemOf } from '@holdfast/protocol/problems';

interface ScriptedCall {
  readonly call: string;
  readonly idempotencyKey: string | undefined;
  readonly body: string;
}

export type Answer = (response: ServerResponse, call: ScriptedCall) => void;

export function json(status: number, body: unknown): Answer {
  return (response) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function problem(code: ProblemCode, headers: Record<string, string> = {}): Answer {
  const document = problemOf(code, { detail: `why ${code}` });
  return (response) =>
    response
      .writeHead(document.status, { 'content-type': PROBLEM_MEDIA_TYPE, ...headers })
      .end(JSON.stringify(document));
}

/** The connection ends without an answer. */
export const noAnswer: Answer = (response) => response.destroy();

/** A control-api that gives the answers of a test, one after the other. `await using` it. */
export async function scriptedApi(...answers: Answer[]) {
  const calls: ScriptedCall[] = [];
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    const key = request.headers['idempotency-key'];
    const call = { call: `${request.method} ${request.url}`, idempotencyKey: key?.toString(), body };
    calls.push(call);
    const answer = answers.shift() ?? problem('internal-error');
    answer(response, call);
  };
  const server = createServer((request, response) => void take(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    controlUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
