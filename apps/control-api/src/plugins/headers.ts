import fp from 'fastify-plugin';

/** Calls of the API, whose answers may hold client ids, which are credentials. */
const API_PREFIX = '/v1/';

/** No answer is taken for another type than it says, and none of the API is kept by a cache. */
export const safeHeaders = fp(async (app) => {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-content-type-options', 'nosniff');
    if (request.url.startsWith(API_PREFIX)) reply.header('cache-control', 'no-store');
  });
});
