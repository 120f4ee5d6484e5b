import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, posix } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};

/** Serves a folder as any static host does, on loopback. `await using` it. */
export async function serveFolder(folder: string): Promise<AsyncDisposable & { origin: string }> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1');
    const file = fileAt(folder, pathname);
    void (async () => {
      const body = file === null ? 'not found' : await readFile(file);
      response.writeHead(file === null ? 404 : 200, { 'content-type': TYPES[extname(file ?? '')] ?? 'text/plain' });
      response.end(body);
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the system gave no port');
  return {
    origin: `http://127.0.0.1:${address.port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** The links of all pages below a folder that lead to no file of it, or to no anchor of a page, each with its page. */
export async function deadLinks(folder: string): Promise<{ pages: number; links: number; dead: string[] }> {
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.html'));
  const texts = new Map<string, string>();
  for (const name of files) texts.set(join(folder, name), await readFile(join(folder, name), 'utf8'));
  const dead: string[] = [];
  let links = 0;
  for (const name of files) {
    for (const link of linksOf(texts.get(join(folder, name)) ?? '')) {
      links += 1;
      const [path = '', anchor = ''] = link.split('#');
      const file = fileAt(
        folder,
        path === '' ? `/${name}` : posix.resolve(`/${posix.dirname(name)}`, path) + (path.endsWith('/') ? '/' : ''),
      );
      const text = file === null ? undefined : texts.get(file);
      if (
        file === null ||
        (anchor !== '' && text !== undefined && !text.includes(` id="${decodeURIComponent(anchor)}"`))
      ) {
        dead.push(`${name}: ${link}`);
      }
    }
  }
  return { pages: files.length, links, dead };
}

/** All addresses of other hosts that pages load something from. */
export function loadsOf(html: string): string[] {
  const loads = html.matchAll(
    /<(?:script|img|iframe|source|video|audio)\b[^>]*\bsrc(?:set)?="(https?:[^"]+)"|<link\b[^>]*\bhref="(https?:[^"]+)"/g,
  );
  return [...loads].flatMap(([, source, link]) => source ?? link ?? []);
}

function linksOf(html: string): string[] {
  const links = [...html.matchAll(/<a\b[^>]*\bhref="([^"]*)"|<(?:img|link|script)\b[^>]*\b(?:src|href)="([^"]*)"/g)];
  return links
    .map(([, anchor, resource]) => (anchor ?? resource ?? '').replaceAll('&amp;', '&'))
    .filter((link) => !/^([a-z]+:|\/\/)/i.test(link) && link !== '#');
}

function fileAt(folder: string, pathname: string): string | null {
  const path = join(folder, posix.normalize(decodeURIComponent(pathname)));
  const file = existsSync(path) && statSync(path).isDirectory() ? join(path, 'index.html') : path;
  return existsSync(file) ? file : null;
}
