import type { PageFile, PageFiles } from '@holdfast/console/files';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';

const MARKUP = 'index.html';

export interface PageOptions {
  /** `/console` */
  readonly path: string;
  readonly files: PageFiles;
  /** Where its scripts may connect to besides its own origin, as sources of a content security policy. */
  readonly connects: readonly string[];
}

/** Serves a page. It needs no key: what it shows it asks of the API, with the key that is typed into it. */
export const pageRoutes: FastifyPluginAsync<PageOptions> = async (app, { path, files, connects }) => {
  const policy = policyOf(connects);
  for (const [name, file] of files) {
    const url = name === MARKUP ? path : `${path}/${name}`;
    app.get(url, { schema: { hide: true } }, async (request, reply) => serve(file, policy, request, reply));
  }
  // What stands beside the page is named relative to it.
  app.get(`${path}/`, { schema: { hide: true } }, async (_request, reply) => reply.redirect(`..${path}`, 308));
};

/** A page loads what is served here and nothing else, and runs no script and applies no style that stands in markup. */
function policyOf(connects: readonly string[]): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    ["connect-src 'self'", ...connects].join(' '),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

async function serve(
  { type, body, gzipped, etag }: PageFile,
  policy: string,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const { 'accept-encoding': encodings = '', 'if-none-match': known = '' } = request.headers;
  reply
    .header('content-security-policy', policy)
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
