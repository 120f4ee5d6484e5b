import cors from '@fastify/cors';
import fp from 'fastify-plugin';
import { ANY_ORIGIN } from '../config.ts';

/** Calls of the APIs, whose answers may hold client ids, which are credentials, or members of channels. */
const API_PREFIXES = ['/v1/', '/apps/'];

/** Forbids browsers to guess content types, and caches to store answers of the API. */
export const safeHeaders = fp(async (app) => {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-content-type-options', 'nosniff');
    if (API_PREFIXES.some((prefix) => request.url.startsWith(prefix))) reply.header('cache-control', 'no-store');
  });
});

/** How long a browser need not ask again whether it may call. */
const PREFLIGHT_SECONDS = 600;

/**
 * Lets pages of the allowed origins call (Fetch standard, section 3.3, the CORS protocol); without any, none may.
 * Cookies play no part: what a page may do is up to the client id that it holds.
 */
export const pages = fp(async (app, { allowedOrigins }: { allowedOrigins: readonly string[] }) => {
  if (allowedOrigins.length === 0) return;
  await app.register(cors, {
    origin: allowedOrigins.includes(ANY_ORIGIN) ? ANY_ORIGIN : [...allowedOrigins],
    methods: ['GET', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: ['Content-Type', 'X-API-Key', 'Authorization', 'Idempotency-Key'],
    // By its `Date` a page measures how long its token lasts, whatever its own clock says.
    exposedHeaders: ['Date', 'Retry-After'],
    maxAge: PREFLIGHT_SECONDS,
  });
});
