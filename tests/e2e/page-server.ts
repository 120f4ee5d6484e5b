import { once } from 'node:events';
import { type RequestListener, createServer } from 'node:http';
import { createRequire } from 'node:module';
import { rolldown } from 'rolldown';

interface Content {
  type: string;
  cacheControl: string;
  /** Asked for at each request. */
  body: () => string | Promise<string>;
}

/** A site of its own on 127.0.0.1: what a team that has pages runs beside Holdfast. */
export interface PageServer extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`, as a browser names it. */
  readonly origin: string;
  readonly serve: (path: string, type: string, body: Content['body'], cacheControl?: string) => void;
  /** Answers the requests for a path by itself. */
  readonly handle: (path: string, answer: RequestListener) => void;
  /** The requests so far, each as `POST /path`. */
  readonly requests: readonly string[];
}

/** Starts a site with nothing in it but the SDK, `/holdfast.js`, and a favicon. `await using` it. */
export async function startPageServer(): Promise<PageServer> {
  const contents = new Map<string, Content>();
  const handlers = new Map<string, RequestListener>();
  const requests: string[] = [];
  // A reload is to load everything again.
  const serve: PageServer['serve'] = (path, type, body, cacheControl = 'no-store') =>
    contents.set(path, { type, body, cacheControl });
  serve('/holdfast.js', 'text/javascript', sdkBundle);
  // A browser asks for it by itself, and complains where there is none.
  serve('/favicon.ico', 'image/x-icon', () => '');
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    requests.push(`${request.method} ${path}`);
    const handler = handlers.get(path);
    if (handler !== undefined) {
      handler(request, response);
      return;
    }
    void (async () => {
      const content = contents.get(path);
      const body = await content?.body();
      response.writeHead(body === undefined ? 404 : 200, {
        'content-type': `${content?.type ?? 'text/plain'}; charset=utf-8`,
        'cache-control': content?.cacheControl ?? 'no-store',
      });
      response.end(body);
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the system gave no port');
  return {
    origin: `http://127.0.0.1:${address.port}`,
    serve,
    handle: (path, answer) => void handlers.set(path, answer),
    requests,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** The environment of services that let the pages of this site call and connect. */
export function allowing({ origin }: PageServer): Record<string, string> {
  return { CONTROL_ALLOWED_ORIGINS: origin, EDGE_ALLOWED_ORIGINS: origin };
}

/** The SDK as its package has it for pages, without the file. */
async function sdkBundle(): Promise<string> {
  const build = await rolldown({
    input: createRequire(import.meta.url).resolve('@holdfast/client/holdfast'),
    platform: 'browser',
  });
  const { output } = await build.generate({ format: 'esm', minify: true });
  await build.close();
  return output[0].code;
}
