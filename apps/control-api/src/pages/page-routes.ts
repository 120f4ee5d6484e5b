import type { ConsoleFile } from '@holdfast/console/files';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';

const PATH = '/console';
const PAGE = 'index.html';
/**
 * The page loads what is served here and nothing else, and runs no script and applies no style that stands in markup. It
 * calls its own origin, and connects to edges, which are other origins.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self' ws: wss:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export type ConsoleFiles = ReadonlyMap<string, ConsoleFile>;

/** Serves the console. It needs no key: what it shows it asks of the API, with the key that is typed into it. */
export const consoleRoutes = fp<{ files: ConsoleFiles }>(async (app, { files }) => {
  for (const [name, file] of files) {
    const url = name === PAGE ? PATH : `${PATH}/${name}`;
    app.get(url, { schema: { hide: true } }, async (request, reply) => serve(file, request, reply));
  }
  // What stands beside the page is named relative to it.
  app.get(`${PATH}/`, { schema: { hide: true } }, async (_request, reply) => reply.redirect(`..${PATH}`, 308));
});

async function serve({ type, body, gzipped, etag }: ConsoleFile, request: FastifyRequest, reply: FastifyReply) {
  const { 'accept-encoding': encodings = '', 'if-none-match': known = '' } = request.headers;
  reply
    .header('content-security-policy', POLICY)
    .header('referrer-policy', 'no-referrer')
    .header('cross-origin-opener-policy', 'same-origin')
    // Each visit asks whether it is still the same: a new version is there with the next reload.
    .header('cache-control', 'no-cache')
    .header('etag', etag)
    .header('vary', 'accept-encoding');
  if (known.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)) return reply.code(304).send();
  const compressed = /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/i.test(encodings);
  if (compressed) reply.header('content-encoding', 'gzip');
  return reply.type(type).send(compressed ? gzipped : body);
}
