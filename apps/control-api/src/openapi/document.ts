import { readFileSync } from 'node:fs';
import swagger from '@fastify/swagger';
import { problem } from '@holdfast/protocol/problems';
import fp from 'fastify-plugin';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { corrected } from './corrected.ts';
import { securitySchemes } from './schemas.ts';

/** Of this package, and so of Holdfast. */
export const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

z.globalRegistry.add(problem, { id: 'Problem', description: 'An RFC 9457 problem document' });

/** Makes the OpenAPI document from the schemas of the calls, and serves it. Comes before all routes. */
export const openApi = fp(async (app) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Holdfast Control API',
        version,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
        description:
          'Clients, their subscriptions, and the messages published to them. Errors are RFC 9457 problem ' +
          'documents with a constant `code`.',
      },
      tags,
      components: { securitySchemes },
    },
    transform: jsonSchemaTransform,
    transformObject: corrected,
  });
  // Cached: printing it takes a millisecond, and a copy for each caller.
  let made: Buffer | undefined;
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    made ??= Buffer.from(JSON.stringify(app.swagger()));
    return reply.type('application/json; charset=utf-8').send(made);
  });
});

/** The groups of calls, in the order in which a newcomer needs them. */
const tags = [
  { name: 'clients', description: 'Register and unregister clients, subscribe them to topics, look at them' },
  { name: 'topics', description: 'Create, look at and delete topics' },
  { name: 'messages', description: 'Publish to topics, users and single clients, read the log' },
  { name: 'presence', description: 'Who is there on a topic' },
  { name: 'pusher', description: 'The REST API of the Pusher Channels protocol, for apps; server libraries call it' },
  { name: 'users', description: 'All clients of one person' },
  {
    name: 'operations',
    description: 'Edges, API keys, webhooks, why a message arrived or did not, health and metrics',
  },
];
