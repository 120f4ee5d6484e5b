import type { SwaggerTransformObject } from '@fastify/swagger';
import { jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { type Document, type Json, type Operation, type Parameter, nameSchemas } from './named-schemas.ts';
import { OPERATIONS } from './operations.ts';

/** Corrects what the generators cannot know, adds examples and what each call needs, and gives schemas names. */
export const corrected: SwaggerTransformObject = (given) => {
  const document = jsonSchemaTransformObject(given) as Document;
  // Each component comes twice, as it is sent and as it is received; problems are only ever sent.
  delete document.components?.schemas?.['ProblemInput'];
  for (const calls of Object.values(document.paths ?? {})) {
    for (const operation of Object.values(calls)) {
      for (const { schema } of operation.parameters ?? []) if (schema !== undefined) correctQuery(schema);
      // Every body is called required; one that may be null may be left out.
      if (operation.requestBody) operation.requestBody.required = !mayBeNull(operation.requestBody);
      addNotes(operation);
    }
  }
  nameSchemas(document);
  return document;
};

/** A query is text, and so is its default. */
function correctQuery(schema: Json): void {
  if (schema['type'] === 'integer' && 'default' in schema) schema['default'] = Number(schema['default']);
  if (schema['type'] !== 'boolean') return;
  schema['default'] = schema['default'] === 'true';
  delete schema['enum'];
}

function addNotes(operation: Operation): void {
  const { needs, parameters = {}, bodies } = OPERATIONS[operation.operationId ?? ''] ?? {};
  if (needs !== undefined) operation['x-needs'] = needs;
  for (const [name, example] of Object.entries(parameters)) parameterOf(operation, name).example = example;
  const media = operation.requestBody?.content?.['application/json'];
  if (media === undefined || bodies === undefined) return;
  media.examples = Object.fromEntries(Object.entries(bodies).map(([name, value]) => [name, { value }]));
}

function parameterOf({ operationId, parameters = [] }: Operation, name: string): Parameter {
  const parameter = parameters.find((one) => one.name === name);
  if (parameter === undefined) throw new Error(`${operationId} has no parameter ${name}`);
  return parameter;
}

function mayBeNull({ content }: NonNullable<Operation['requestBody']>): boolean {
  const { anyOf } = (content?.['application/json']?.schema ?? {}) as { anyOf?: { type?: string }[] };
  return anyOf?.some(({ type }) => type === 'null') ?? false;
}
