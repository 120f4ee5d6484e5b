export type Json = Record<string, unknown>;

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  schema?: Json;
  example?: unknown;
}

interface Media {
  schema?: Json;
  examples?: Record<string, { value: unknown }>;
}

export interface Operation {
  operationId?: string;
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content?: Record<string, Media> };
  responses?: Record<string, { content?: Record<string, Media> }>;
  'x-needs'?: string;
}

/** An OpenAPI document, as far as it is corrected. */
export interface Document {
  components?: { schemas?: Json };
  paths?: Record<string, Record<string, Operation>>;
}

const JSON_TYPE = 'application/json';

/** Where a schema with a name of its own stands: in which call, in what of it, and the way from there. */
type Place = readonly [operationId: string, part: string, ...way: (string | number)[]];

/** What several calls share, or a program wants a type of. A part is `request`, a status, or the name of a parameter. */
const PLACES: Readonly<Record<string, Place>> = {
  TopicName: ['readTopic', 'topic'],
  TopicList: ['subscribeTopic', 'request', 'properties', 'topics', 'anyOf', 1],
  TopicsInText: ['subscribeTopic', 'request', 'properties', 'topics', 'anyOf', 0],
  ClientId: ['publishToClient', 'clientId'],
  ClientIdOrRef: ['readClient', 'clientId'],
  ClientRef: ['readClient', '200', 'properties', 'ref'],
  Position: ['readLog', 'after'],
  UserName: ['readUser', 'user'],
  PageLimit: ['readLog', 'limit'],
  HistorySettings: ['putTopic', 'request', 'anyOf', 0, 'properties', 'history'],
  PresenceSettings: ['putTopic', 'request', 'anyOf', 0, 'properties', 'presence', 'anyOf', 0],
  TopicSettings: ['putTopic', 'request', 'anyOf', 0],
  Topic: ['putTopic', '200'],
  NewClient: ['register', 'request', 'anyOf', 0],
  RegisteredClient: ['register', '201'],
  Client: ['readClient', '200'],
  ClientSummary: ['listClients', '200', 'properties', 'clients', 'items'],
  ClientTopics: ['subscribeTopic', '202'],
  Published: ['publish', '202'],
  BatchResult: ['publishBatch', '202', 'properties', 'results', 'items'],
  LogEntry: ['readLog', '200', 'properties', 'messages', 'items'],
  User: ['readUser', '200'],
  EdgeLoad: ['readCapacity', '200', 'properties', 'edges', 'items', 'properties', 'load', 'anyOf', 0],
  Edge: ['listEdges', '200', 'properties', 'edges', 'items'],
  Draining: ['drainEdge', '202'],
  KeyRights: ['readOwnKey', '200', 'properties', 'can'],
  NewKeyRights: ['createKey', 'request', 'properties', 'can'],
  TokenSettings: ['createKey', 'request', 'properties', 'tokens'],
  NewKey: ['createKey', 'request'],
  ApiKey: ['listKeys', '200', 'properties', 'keys', 'items'],
  OwnKey: ['readOwnKey', '200'],
  DoctorReport: ['examine', '200'],
  Explanation: ['explain', '200'],
  Capacity: ['readCapacity', '200'],
  PastConnection: ['listPastConnections', '200', 'properties', 'connections', 'items'],
};

/** Moves schemas to `components`, so that whoever generates types gets one of each, with a name. */
export function nameSchemas(document: Document): void {
  const operations = Object.values(document.paths ?? {}).flatMap((calls) => Object.values(calls));
  const names = new Map<string, string>();
  const found = new Map<string, Json>();
  const take = (name: string, schema: Json | undefined): void => {
    if (schema === undefined || '$ref' in schema) throw new Error(`the schema ${name} is not where it should be`);
    const content = contentOf(schema);
    if (names.has(content)) return;
    names.set(content, name);
    found.set(name, schema);
  };
  for (const [name, place] of Object.entries(PLACES)) take(name, schemaAt(operations, place));
  for (const { operationId = '', requestBody, responses = {} } of operations) {
    const title = operationId.charAt(0).toUpperCase() + operationId.slice(1);
    const request = requestBody?.content?.[JSON_TYPE]?.schema;
    if (request?.['properties'] !== undefined) take(`${title}Request`, request);
    for (const [status, response] of Object.entries(responses)) {
      const answer = response.content?.[JSON_TYPE]?.schema;
      if (Number(status) < 300 && answer?.['properties'] !== undefined) take(`${title}Response`, answer);
    }
  }

  const referred = (schema: Json): Json => {
    const name = names.get(contentOf(schema));
    if (name === undefined) return within(schema, referred);
    const { description } = schema;
    return { $ref: `#/components/schemas/${name}`, ...(description === undefined ? {} : { description }) };
  };
  for (const holder of operations.flatMap(holdersOf)) {
    if (holder.schema === undefined) continue;
    // What is said of a body stands beside its schema already.
    const { description: _, ...schema } = holder.schema;
    holder.schema = referred(schema);
  }
  const schemas = ((document.components ??= {}).schemas ??= {});
  for (const [name, schema] of found) schemas[name] = within(schema, referred);
}

/** What has a schema in a call: parameters and bodies. */
function holdersOf({ parameters = [], requestBody, responses = {} }: Operation): { schema?: Json }[] {
  const contents = [requestBody, ...Object.values(responses)].flatMap((body) => Object.values(body?.content ?? {}));
  return [...parameters, ...contents];
}

function schemaAt(operations: readonly Operation[], [operationId, part, ...way]: Place): Json | undefined {
  const operation = operations.find((one) => one.operationId === operationId);
  const holder =
    operation?.parameters?.find(({ name }) => name === part) ??
    (part === 'request' ? operation?.requestBody : operation?.responses?.[part])?.content?.[JSON_TYPE];
  return way.reduce<Json | undefined>((schema, step) => schema?.[step] as Json | undefined, holder?.schema);
}

/** The same for schemas that differ in the order of their keys, or in what is said of them where they stand. */
function contentOf(schema: Json): string {
  return JSON.stringify(sorted({ ...schema, description: undefined }));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, sorted(inner)] as const);
  return Object.fromEntries(entries.toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** The schema with each one that stands directly within it changed. */
function within(schema: Json, change: (inner: Json) => Json): Json {
  const changed = Object.entries(schema).map(([key, value]) => {
    if (typeof value !== 'object' || value === null) return [key, value];
    if (key === 'items' || key === 'additionalProperties') return [key, change(value as Json)];
    if (key === 'anyOf' || key === 'oneOf' || key === 'allOf') return [key, (value as Json[]).map(change)];
    if (key !== 'properties') return [key, value];
    return [key, Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, change(inner as Json)]))];
  });
  return Object.fromEntries(changed) as Json;
}
