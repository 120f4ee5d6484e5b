import { type IncomingHttpHeaders, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomBytes } from 'node:crypto';
import { onTestFinished } from 'vitest';

/** A request as it arrived. */
interface Received {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  readonly path: string;
  /** The bytes. */
  readonly body: string;
}

/** How a receiver answers. */
export type Answering = (request: Received, response: ServerResponse) => void;

export interface WebhookReceiver {
  readonly url: string;
  readonly secret: string;
  readonly received: readonly Received[];
  /** The events that were answered with success, those of batches one by one. */
  readonly taken: readonly TakenEvent[];
  /** Answers like that from now on. */
  answer(answering: Answering): void;
  stop(): Promise<void>;
}

export interface TakenEvent {
  readonly id: string;
  readonly type: string;
  readonly timestamp: string;
  readonly data: Record<string, unknown>;
}

export const takes: Answering = (_, response) => void response.writeHead(204).end();

export function answers(status: number, headers: Record<string, string> = {}): Answering {
  return (_, response) => void response.writeHead(status, headers).end(`answer ${status}`);
}

/** A receiver over real HTTP that takes everything, until `answer` says otherwise. */
export async function startReceiver(answering: Answering = takes): Promise<WebhookReceiver> {
  const received: Received[] = [];
  const taken: TakenEvent[] = [];
  const current = { answering };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const { headers, url = '' } = request;
      const arrived = { id: String(headers['webhook-id']), headers, path: url, body };
      received.push(arrived);
      current.answering(arrived, response);
      if (response.headersSent && response.statusCode >= 200 && response.statusCode < 300)
        taken.push(...eventsIn(arrived));
    });
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(stop);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    secret: `whsec_${randomBytes(32).toString('base64')}`,
    received,
    taken,
    answer: (next) => {
      current.answering = next;
    },
    stop,
  };
}

function eventsIn({ id, body }: Received): TakenEvent[] {
  const { type, timestamp, data } = JSON.parse(body) as Omit<TakenEvent, 'id'>;
  // Of format "pusher".
  if (type === undefined) return [];
  return type === 'batch' ? (data['events'] as TakenEvent[]) : [{ id, type, timestamp, data }];
}
