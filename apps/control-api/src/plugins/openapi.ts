import { readFileSync } from 'node:fs';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { problem } from '@holdfast/protocol/problems';
import fp from 'fastify-plugin';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { securitySchemes } from '../openapi/security.ts';
import { tags } from '../openapi/tags.ts';
import { tidy } from '../openapi/tidy.ts';

const DOCS_PATH = '/docs';
const JSON_TYPE = 'application/json; charset=utf-8';
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
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
          'Who is registered, what they subscribe to, and what is said to them. Errors are RFC 9457 problem ' +
          'documents with a constant `code`.',
      },
      tags,
      components: { securitySchemes },
    },
    transform: jsonSchemaTransform,
    transformObject: tidy,
  });
  await app.register(swaggerUi, {
    routePrefix: DOCS_PATH,
    staticCSP: true,
    // Most installations of this page have no TLS of their own, and then nothing it needs would load.
    transformStaticCSP: (policy) => policy.replace('upgrade-insecure-requests;', ''),
    // The key is asked for once and kept by the browser, not typed for each call.
    uiConfig: { persistAuthorization: true, displayOperationId: true },
  });
  // Made once, and then the same bytes for everybody: to print it anew takes a millisecond and a copy for each caller.
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
