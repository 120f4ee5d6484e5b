import { once } from 'node:events';
import { type IncomingHttpHeaders, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A request as it came. */
interface Delivery {
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

/** What the endpoint answered. */
interface Outcome {
  readonly genuine: number;
  /** To each of the changed copies that came before. */
  readonly forged: number[];
}

/**
 * Stands where a file of webhooks sends: passes each delivery on as it came, after forged copies of it. Without an endpoint
 * it takes all itself. `await using` it.
 */
export async function startWebhookRelay() {
  const outcomes: Outcome[] = [];
  const taken: string[] = [];
  let endpoint: Promise<string> | undefined;
  const take = async (delivery: Delivery): Promise<number> => {
    taken.push(delivery.body.toString());
    const url = await endpoint;
    if (url === undefined) return 204;
    const forged: number[] = [];
    for (const each of forgeries(delivery)) forged.push(await post(url, each));
    const genuine = await post(url, delivery);
    outcomes.push({ genuine, forged });
    return genuine;
  };
  const server = createServer((request, response) => {
    void (async () => {
      const delivery = { headers: webhookHeaders(request.headers), body: await buffer(request) };
      // Should the endpoint be gone, the sender tries again.
      response.writeHead(await take(delivery).catch(() => 503)).end();
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    /** The bodies that have come. */
    taken: (): readonly string[] => taken,
    outcomes: (): readonly Outcome[] => outcomes,
    /** What comes before the URL is known waits for it. */
    passOnTo: (url: Promise<string> | undefined) => {
      endpoint = url;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Another text, another id, another time: each under the signature of the genuine one. */
function forgeries({ headers, body }: Delivery): Delivery[] {
  const later = String(Number(headers['webhook-timestamp']) + 1);
  return [
    // Of whatever event it is, the JSON says the same.
    { headers, body: Buffer.concat([body, Buffer.from(' ')]) },
    { headers: { ...headers, 'webhook-id': 'another' }, body },
    { headers: { ...headers, 'webhook-timestamp': later }, body },
  ];
}

function webhookHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const names = ['content-type', 'webhook-id', 'webhook-timestamp', 'webhook-signature'];
  return Object.fromEntries(names.map((name) => [name, String(headers[name])]));
}

async function post(url: string, { headers, body }: Delivery): Promise<number> {
  const { status } = await fetch(url, { method: 'POST', headers, body: new Uint8Array(body) });
  return status;
}
