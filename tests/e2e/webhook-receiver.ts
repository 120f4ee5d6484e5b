import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';

/** An event as it arrived, those of a batch one by one. */
export interface ArrivedEvent {
  readonly id: string;
  readonly type: string;
  readonly timestamp: string;
  readonly data: Record<string, unknown>;
}

interface Endpoint {
  id: string;
  types: readonly string[];
  batch?: { size: number; ms: number };
}

/** What a backend has: a server that verifies and takes what arrives, and the file that names it. `await using` it. */
interface WebhookBackend extends AsyncDisposable {
  readonly env: Record<string, string>;
  /** Events by endpoint, in the order of arrival, repeats with them. */
  readonly arrived: Readonly<Record<string, ArrivedEvent[]>>;
  /** Requests by endpoint: the body of each `webhook-id`. */
  readonly bodies: Readonly<Record<string, Map<string, string>>>;
  /** What should never be: a signature that is wrong, another body under an id that is known. */
  readonly faults: readonly string[];
}

/** @param onEvent called with each event that arrives, repeats with them */
export async function startWebhookBackend(
  endpoints: readonly Endpoint[],
  onEvent: (endpoint: string, event: ArrivedEvent) => void = () => undefined,
): Promise<WebhookBackend> {
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const arrived = Object.fromEntries(endpoints.map(({ id }) => [id, [] as ArrivedEvent[]]));
  const bodies = Object.fromEntries(endpoints.map(({ id }) => [id, new Map<string, string>()]));
  const faults: string[] = [];
  const verifier = new Webhook(secret);

  function take(endpoint: string, headers: Record<string, string>, body: string): void {
    const id = headers['webhook-id'] ?? '';
    try {
      verifier.verify(body, headers);
    } catch (error) {
      faults.push(`${endpoint} ${id}: ${String(error)}`);
    }
    const known = bodies[endpoint]?.get(id);
    if (known !== undefined && known !== body) faults.push(`${endpoint} ${id}: another body`);
    bodies[endpoint]?.set(id, body);
    const { type, timestamp, data } = JSON.parse(body) as Omit<ArrivedEvent, 'id'>;
    const events = type === 'batch' ? (data['events'] as ArrivedEvent[]) : [{ id, type, timestamp, data }];
    arrived[endpoint]?.push(...events);
    for (const event of events) onEvent(endpoint, event);
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    request.on('end', () => {
      take(request.url?.slice(1) ?? '', request.headers as Record<string, string>, Buffer.concat(chunks).toString());
      response.writeHead(204).end();
    });
  });
  const url = await listening(server);
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-webhooks-'));
  const file = join(directory, 'webhooks.json');
  const content = { endpoints: endpoints.map((endpoint) => ({ ...endpoint, url: `${url}/${endpoint.id}`, secret })) };
  await writeFile(file, JSON.stringify(content));
  return {
    env: { WEBHOOKS_FILE: file, WEBHOOKS_ALLOW_PRIVATE: '1' },
    arrived,
    bodies,
    faults,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The first arrival of each event, in this order. */
export function withoutRepeats(events: readonly ArrivedEvent[]): ArrivedEvent[] {
  const seen = new Set<string>();
  return events.filter(({ id }) => !seen.has(id) && seen.add(id));
}
