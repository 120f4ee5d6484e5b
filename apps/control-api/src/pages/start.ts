import type { FastifyPluginAsync } from 'fastify';
import { version } from '../openapi/document.ts';

/** Whether a browser asks for a page, and not a program for JSON. */
const WANTS_PAGE = /\btext\/html\b/i;

/** `/`: a browser is led to the page of the API, where the rest is linked; others get the addresses as JSON. */
export const startRoute: FastifyPluginAsync<{ docs: boolean; console: boolean }> = async (app, { docs, console }) => {
  // Relative: a proxy may serve all of it below a path.
  const links = {
    openapi: 'openapi.json',
    ready: 'readyz',
    ...(docs ? { docs: 'docs' } : {}),
    ...(console ? { console: 'console' } : {}),
  };
  app.get('/', { schema: { hide: true } }, async (request, reply) => {
    reply.header('vary', 'accept').header('cache-control', 'no-cache');
    if (docs && WANTS_PAGE.test(request.headers.accept ?? '')) return reply.redirect('docs', 302);
    return { name: 'Holdfast Control API', version, links };
  });
};
