import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PROBLEM_MEDIA_TYPE } from '@holdfast/protocol/problems';

/** A call of the client at control-api, held until a step answers it. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: string;
  answer: (status: number, body: unknown) => void;
}

/** An HTTP server that does nothing by itself but hand over each call. */
export class Control implements AsyncDisposable {
  readonly #server = createServer((request, response) => void this.#receive(request, response));
  readonly #onCall: (call: Call) => void;

  private constructor(onCall: (call: Call) => void) {
    this.#onCall = onCall;
  }

  static async start(onCall: (call: Call) => void): Promise<Control> {
    const control = new Control(onCall);
    control.#server.listen(0, '127.0.0.1');
    await once(control.#server, 'listening');
    return control;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A client may go while its call waits for a step.
    request.on('error', () => response.destroy());
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    await once(request, 'end').catch(() => response.destroy());
    this.#onCall({
      method: request.method ?? '',
      path: request.url ?? '',
      authorization: request.headers.authorization,
      body,
      answer: (status, answer) => {
        const type = status < 400 ? 'application/json' : PROBLEM_MEDIA_TYPE;
        response.writeHead(status, { 'content-type': type }).end(JSON.stringify(answer));
      },
    });
  }
}
