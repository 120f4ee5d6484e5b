import { readFileSync } from 'node:fs';
import swagger from '@fastify/swagger';
import type { SwaggerTransformObject } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { problem } from '@holdfast/protocol/problems';
import fp from 'fastify-plugin';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { securitySchemes } from './schemas.ts';

const DOCS_PATH = '/docs';
const JSON_TYPE = 'application/json; charset=utf-8';
/** Of this package, and so of Holdfast. */
export const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

z.globalRegistry.add(problem, { id: 'Problem', description: 'An RFC 9457 problem document' });

/** Makes the OpenAPI document from the schemas of the calls, and serves it and a page to try them. Comes before all routes. */
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
  await app.register(swaggerUi, {
    routePrefix: DOCS_PATH,
    staticCSP: true,
    // Most installations of this page have no TLS of their own, and then nothing it needs would load.
    transformStaticCSP: (policy) => policy.replace('upgrade-insecure-requests;', ''),
    // The key is asked for once and kept by the browser, not typed for each call.
    uiConfig: { persistAuthorization: true, displayOperationId: true },
  });
  // Cached: printing it takes a millisecond, and a copy for each caller.
  const made = new Map<string, Buffer>();
  const bytesOf = (kind: 'json' | 'yaml'): Buffer => {
    const known = made.get(kind);
    if (known !== undefined) return known;
    const bytes = Buffer.from(kind === 'yaml' ? app.swagger({ yaml: true }) : JSON.stringify(app.swagger()));
    made.set(kind, bytes);
    return bytes;
  };
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) =>
    reply.type(JSON_TYPE).send(bytesOf('json')),
  );
  app.addHook('onRequest', async (request, reply) => {
    const { url } = request.routeOptions;
    if (url === `${DOCS_PATH}/json`) return reply.type(JSON_TYPE).send(bytesOf('json'));
    if (url === `${DOCS_PATH}/yaml`) return reply.type('application/x-yaml').send(bytesOf('yaml'));
    return undefined;
  });
});

/** The groups of calls, in the order in which a newcomer needs them. */
const tags = [
  { name: 'clients', description: 'Register and unregister clients, subscribe them to topics, look at them' },
  { name: 'topics', description: 'Create, look at and delete topics' },
  { name: 'messages', description: 'Publish to topics and to single clients, read the log' },
  { name: 'operations', description: 'Edges, health and metrics' },
];

type Json = Record<string, unknown>;

/** Corrects what the generators cannot know. */
const corrected: SwaggerTransformObject = (given) => {
  const document = jsonSchemaTransformObject(given) as {
    components?: { schemas?: Json };
    paths?: Record<string, Record<string, { requestBody?: Json; parameters?: { schema?: Json }[] }>>;
  };
  // Each component comes twice, as it is sent and as it is received; problems are only ever sent.
  delete document.components?.schemas?.['ProblemInput'];
  for (const calls of Object.values(document.paths ?? {})) {
    for (const { requestBody, parameters = [] } of Object.values(calls)) {
      for (const { schema } of parameters) {
        // A query is text, and so is its default.
        if (schema?.['type'] === 'integer') schema['default'] = Number(schema['default']);
      }
      // Every body is called required; one that may be null may be left out.
      if (requestBody !== undefined) requestBody['required'] = !mayBeNull(requestBody);
    }
  }
  return document;
};

function mayBeNull(requestBody: Json): boolean {
  const content = requestBody['content'] as Record<string, { schema?: { anyOf?: { type?: string }[] } }> | undefined;
  return content?.['application/json']?.schema?.anyOf?.some(({ type }) => type === 'null') ?? false;
}
