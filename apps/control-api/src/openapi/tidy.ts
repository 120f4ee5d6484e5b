import type { SwaggerTransformObject } from '@fastify/swagger';
import { jsonSchemaTransformObject } from 'fastify-type-provider-zod';

type Json = Record<string, unknown>;

/** Finishes the document with what the generators cannot know. */
export const tidy: SwaggerTransformObject = (given) => {
  const document = jsonSchemaTransformObject(given) as {
    components?: { schemas?: Json };
    paths?: Record<string, Record<string, { requestBody?: Json; parameters?: { schema?: Json }[] }>>;
  };
  // Each component comes twice, as it is sent and as it is received; problems are only ever sent.
  delete document.components?.schemas?.['ProblemInput'];
  for (const calls of Object.values(document.paths ?? {})) {
    for (const { requestBody, parameters = [] } of Object.values(calls)) {
      for (const { schema } of parameters) {
        // A query is text, and so is what stands for it when it is left out.
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
