/** The OpenAPI document, as far as the page shows it. */

/** A JSON Schema (2020-12), as far as the document uses it. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: boolean | Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: Schema;
  readonly example?: unknown;
}

interface Media {
  readonly schema?: Schema;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}

interface Response {
  readonly description: string;
  readonly content?: Readonly<Record<string, Media>>;
}

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly Readonly<Record<string, unknown>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {
    readonly required?: boolean;
    readonly description?: string;
    readonly content: Readonly<Record<string, Media>>;
  };
  readonly responses: Readonly<Record<string, Response>>;
  readonly 'x-needs'?: string;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface Call extends Operation {
  readonly method: Method;
  readonly path: string;
}

export interface Document {
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** Every call, in the order of the document. */
export function callsOf({ paths }: Document): Call[] {
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      ...operation,
      method: method.toUpperCase() as Method,
      path,
    })),
  );
}

/** Calls that have all words somewhere: in the path, the summary, the description, or a code of a problem. */
export function callsWith(calls: readonly Call[], text: string): Call[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...calls];
  return calls.filter((call) => {
    const { method, path, operationId, summary, description = '', tags = [] } = call;
    const codes = Object.keys(problemsOf(call)).join(' ');
    const all = [method, path, operationId, summary, description, ...tags, codes].join(' ').toLowerCase();
    return words.every((word) => all.includes(word));
  });
}

/** The schema itself, where one stands by its name; what is said of it there comes first. */
export function resolved({ components }: Document, schema: Schema): { schema: Schema; name: string | null } {
  if (schema.$ref === undefined) return { schema, name: null };
  const name = schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1);
  const { $ref: _, ...here } = schema;
  return { schema: { ...components.schemas[name], ...here }, name };
}

const CODE = /`([a-z-]+)`: (.+?)\.(?= `[a-z-]+`: |$)/g;

export interface Problem {
  readonly status: string;
  readonly title: string;
}

/** Why a call may be refused, by code. */
export function problemsOf({ responses }: Pick<Call, 'responses'>): Record<string, Problem> {
  return Object.fromEntries(
    Object.entries(responses).flatMap(([status, { description }]) =>
      Number(status) < 400
        ? []
        : [...description.matchAll(CODE)].map(([, code = '', title = '']) => [code, { status, title }] as const),
    ),
  );
}

/** The credentials of which a call takes one, in words; empty: it takes none. */
export function credentialsOf({ security = [] }: Pick<Call, 'security'>): string[] {
  const takes = (scheme: string): boolean => security.some((way) => scheme in way);
  return [
    ...(takes('apiKey') ? ['API key'] : []),
    ...(security.some((way) => Object.keys(way).length === 0) ? ['UUID in the path'] : []),
    ...(takes('token') ? ['token'] : []),
  ];
}

/** The body of a request, or of an answer, when it is JSON. */
export function jsonOf(content: Readonly<Record<string, Media>> | undefined): Media | null {
  return content?.['application/json'] ?? null;
}
