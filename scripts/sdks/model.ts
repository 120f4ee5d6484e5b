import { problemCode } from '../../packages/protocol/src/problems.ts';

/** What a field holds, as far as languages differ in how they write it. */
export type FieldType =
  | { kind: 'string' | 'integer' | 'boolean' | 'any' | 'time' | 'code' }
  | { kind: 'enum'; values: readonly string[] }
  | { kind: 'list' | 'map'; of: FieldType }
  | { kind: 'shape'; name: string };

export interface Field {
  /** As it is in JSON, in camel case. */
  name: string;
  type: FieldType;
  /** Whether it may be absent or null. */
  optional: boolean;
  doc: string | undefined;
}

export interface Shape {
  name: string;
  /** A part of a sentence: `Published is <doc>`. */
  doc: string;
  fields: readonly Field[];
}

/** JSON Schema 2020-12, as far as zod gives it. */
interface JsonSchema {
  type?: string | string[];
  format?: string;
  enum?: string[];
  const?: unknown;
  anyOf?: JsonSchema[];
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  required?: string[];
  description?: string;
  /** Of a schema that has a name in the OpenAPI document. */
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
}

/** A schema of zod. `input`: what a request may have; `output`: what an answer has. */
export interface Schema {
  toJSONSchema(params: { io: 'input' | 'output'; unrepresentable: 'any' }): object;
}

const CODES = [...problemCode.options].join();

/**
 * Reads a schema of an object. Objects in it are shapes by the name of their field.
 * @param nested names of shapes, by the names of the fields that hold them
 */
export function shapeOf(
  name: string,
  doc: string,
  schema: Schema,
  io: 'input' | 'output',
  nested: ReadonlyMap<string, string>,
): Shape {
  const whole = schema.toJSONSchema({ io, unrepresentable: 'any' }) as JsonSchema;
  const { properties, required = [] } = whole.$defs?.[whole.$ref?.split('/').at(-1) ?? ''] ?? whole;
  if (properties === undefined) throw new Error(`${name} is no object`);
  const fields = Object.entries(properties).map(([field, given]) => {
    const { rest, nullable } = withoutNull(given);
    return {
      name: field,
      type: typeOf(rest, `${name}.${field}`, nested.get(field)),
      optional: nullable || !required.includes(field),
      doc: given.description,
    };
  });
  return { name, doc, fields };
}

function typeOf(schema: JsonSchema, at: string, nested: string | undefined): FieldType {
  const { type, format, anyOf, items, additionalProperties, properties } = schema;
  if (schema.enum !== undefined) {
    return schema.enum.join() === CODES ? { kind: 'code' } : { kind: 'enum', values: schema.enum };
  }
  // Names of topics beside fixed ones, such as `@me`.
  if (anyOf?.every((each) => each.type === 'string') === true) return { kind: 'string' };
  if (type === 'string') return { kind: format === 'date-time' ? 'time' : 'string' };
  if (type === 'integer' || type === 'boolean') return { kind: type };
  if (type === 'array' && items !== undefined) return { kind: 'list', of: typeOf(items, at, nested) };
  if (properties !== undefined) {
    if (nested === undefined) throw new Error(`${at} is an object: name its shape`);
    return { kind: 'shape', name: nested };
  }
  if (typeof additionalProperties === 'object') return { kind: 'map', of: typeOf(additionalProperties, at, nested) };
  if (type === undefined && anyOf === undefined) return { kind: 'any' };
  throw new Error(`${at} is of a kind that no language has: ${JSON.stringify(schema)}`);
}

function withoutNull(schema: JsonSchema): { rest: JsonSchema; nullable: boolean } {
  const { type, anyOf } = schema;
  if (Array.isArray(type)) {
    const [only = 'null', ...more] = type.filter((each) => each !== 'null');
    if (more.length > 0) throw new Error(`several types: ${type.join()}`);
    return { rest: { ...schema, type: only }, nullable: type.includes('null') };
  }
  const others = anyOf?.filter((each) => each.type !== 'null') ?? [];
  if (anyOf === undefined || others.length === anyOf.length) return { rest: schema, nullable: false };
  const [only] = others;
  return { rest: others.length === 1 && only !== undefined ? only : { anyOf: others }, nullable: true };
}

/** `clientId` → `client`, `Id`. */
export function wordsOf(name: string): string[] {
  return name.split(/(?=[A-Z])|[.-]/);
}

/** Comment lines of at most `width` characters. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
