import { once } from 'node:events';
import { type IncomingHttpHeaders, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type Pusher from 'pusher';

/** A request of a page to its application. */
interface AuthRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly form: Readonly<Record<string, string>>;
}

/** What a team runs beside the door: its pages, and who may do what. `await using` it. */
export interface Application extends AsyncDisposable {
  readonly origin: string;
  /** Where Laravel has them. */
  readonly authEndpoint: string;
  readonly userAuthEndpoint: string;
  readonly requests: readonly AuthRequest[];
  /** Whom each user watches. */
  readonly watchlists: Map<string, readonly string[]>;
  /** What it serves, by path: type and text. */
  readonly pages: Map<string, readonly [type: string, body: string]>;
}

/** The user of `Authorization: Bearer <user>`. A number is one in `channel_data` too, as Laravel sends the keys of models. */
const identityOf = (user: string) => ({
  id: /^\d+$/.test(user) ? Number(user) : user,
  info: { name: user.toUpperCase() },
});

/** Starts an application that authorizes with the server library. Without `Authorization` no one is let in. */
export async function startApplication(backend: Pusher, port = 0): Promise<Application> {
  const requests: AuthRequest[] = [];
  const watchlists: Application['watchlists'] = new Map();
  const pages: Application['pages'] = new Map([['/favicon.ico', ['image/x-icon', '']]]);

  function answerTo({ path, headers, form }: AuthRequest): object | null {
    const user = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
    const { socket_id: socketId = '', channel_name: channel = '' } = form;
    if (user === undefined) return null;
    const { id, info } = identityOf(user);
    if (path === '/broadcasting/user-auth') {
      const watchlist = watchlists.get(user);
      return backend.authenticateUser(socketId, { id: user, user_info: info, ...(watchlist && { watchlist }) });
    }
    if (path !== '/broadcasting/auth') return null;
    if (!channel.startsWith('presence-')) return backend.authorizeChannel(socketId, channel);
    return backend.authorizeChannel(socketId, channel, { user_id: id as string, user_info: info });
  }

  const server = createServer((request, response) => {
    const path = request.url ?? '';
    const page = pages.get(path);
    if (page !== undefined) {
      response
        .writeHead(200, { 'content-type': `${page[0]}; charset=utf-8`, 'cache-control': 'no-store' })
        .end(page[1]);
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const form = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
      const asked = { path, headers: request.headers, form };
      requests.push(asked);
      const answer = answerTo(asked);
      response.writeHead(answer === null ? 403 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer));
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    authEndpoint: `${origin}/broadcasting/auth`,
    userAuthEndpoint: `${origin}/broadcasting/user-auth`,
    requests,
    watchlists,
    pages,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
