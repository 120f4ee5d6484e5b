import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

interface Call {
  operationId: string;
  summary: string;
  security: object[];
  requestBody?: { required: boolean };
  parameters?: { name: string; schema: { type?: string } }[];
  'x-needs'?: string;
  responses: Record<string, { description: string; content: Record<string, { schema: object }> }>;
}

const script = fileURLToPath(new URL('../print-openapi.ts', import.meta.url));
const printed = execFileSync(process.execPath, [script], { encoding: 'utf8' });
const document = JSON.parse(printed) as {
  openapi: string;
  paths: Record<string, Record<string, Call>>;
  components: { schemas: Record<string, object>; securitySchemes: Record<string, object> };
};
const calls = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, call]) => ({ name: `${method.toUpperCase()} ${path}`, call })),
);

/** One of several ways in: a key is another, where the path has a ref and no UUID. */
const isOpen = (way: object) => Object.keys(way).length === 0;

/** The calls of the contract, with the statuses that are their own. */
const CONTRACT: Record<string, string[]> = {
  'POST /v1/clients': ['201', '400', '403', '404', '409'],
  'DELETE /v1/clients/{clientId}': ['200', '400', '409'],
  'POST /v1/clients/{clientId}/topics': ['202', '400', '403', '404'],
  'DELETE /v1/clients/{clientId}/topics': ['202', '400', '403', '404'],
  'GET /v1/clients/{clientId}': ['200', '400', '404'],
  'GET /v1/clients': ['200', '403'],
  'POST /v1/clients/{clientId}/disconnect': ['202', '403', '404'],
  'PUT /v1/topics/{topic}': ['200', '201', '400', '403'],
  'GET /v1/topics': ['200', '403'],
  'GET /v1/topics/{topic}': ['200', '403', '404'],
  'DELETE /v1/topics/{topic}': ['200', '403', '404'],
  'POST /v1/topics/{topic}/messages': ['202', '403', '404', '413'],
  'POST /v1/messages': ['202', '403', '413'],
  'POST /v1/clients/{clientId}/messages': ['202', '403', '404', '413'],
  'GET /v1/topics/{topic}/messages': ['200', '403', '404'],
  'GET /v1/users/{user}': ['200', '400', '403'],
  'POST /v1/users/status': ['200', '400', '403'],
  'POST /v1/users/{user}/disconnect': ['202', '400', '403'],
  'POST /v1/users/{user}/revoke': ['202', '400', '403'],
  'POST /v1/users/{user}/messages': ['202', '403', '404', '409', '413'],
  'GET /v1/topics/{topic}/presence': ['200', '400', '403', '404'],
  'POST /v1/presence/count': ['200', '400', '403', '404'],
  'GET /v1/edges': ['200', '403'],
  'POST /v1/edges/{edge}/drain': ['202', '400', '403', '404'],
  'POST /v1/edges/{edge}/undrain': ['202', '400', '403', '404'],
  'GET /v1/key': ['200', '403'],
  'GET /v1/capacity': ['200', '403'],
  'GET /v1/webhooks': ['200', '403'],
  'POST /v1/webhooks/{webhook}/test': ['200', '400', '403', '404'],
  'POST /v1/webhooks/{webhook}/replay': ['202', '400', '403', '404', '429'],
  'POST /v1/webhooks/{webhook}/enable': ['202', '400', '403', '404'],
  'GET /v1/keys': ['200', '400', '403'],
  'POST /v1/keys': ['201', '400', '403', '409'],
  'DELETE /v1/keys/{id}': ['200', '400', '403', '404', '409'],
  'GET /v1/doctor': ['200', '400', '403'],
  'GET /v1/clients/{clientId}/connections': ['200', '400', '403', '404'],
  'GET /v1/explain': ['200', '400', '403', '404'],
  'POST /apps/{appId}/events': ['200', '400', '401', '403', '404', '413'],
  'POST /apps/{appId}/batch_events': ['200', '400', '401', '403', '404', '413'],
  'GET /apps/{appId}/channels': ['200', '400', '401', '403', '404'],
  'GET /apps/{appId}/channels/{channel}': ['200', '400', '401', '403', '404'],
  'GET /apps/{appId}/channels/{channel}/users': ['200', '400', '401', '403', '404'],
  'GET /apps/{appId}/connections': ['200', '401', '403', '404'],
  'POST /apps/{appId}/users/{user}/terminate_connections': ['200', '400', '401', '403', '404'],
  'GET /up': ['200'],
  'GET /healthz': ['200'],
  'GET /readyz': ['200', '503'],
  'GET /metrics': ['200'],
};

describe('the OpenAPI document', () => {
  test('is printed without Redis, the same each time', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(execFileSync(process.execPath, [script], { encoding: 'utf8' })).toBe(printed);
  });

  test('has the calls of the contract, and no others', () => {
    expect(calls.map(({ name }) => name).toSorted()).toEqual(Object.keys(CONTRACT).toSorted());
  });

  test.each(calls)('$name has a name of its own, a summary, and its statuses', ({ name, call }) => {
    expect(calls.filter((other) => other.call.operationId === call.operationId)).toHaveLength(1);
    expect(call.summary).not.toBe('');
    expect(Object.keys(call.responses)).toEqual(expect.arrayContaining(CONTRACT[name] ?? []));
    for (const { description } of Object.values(call.responses)) expect(description).not.toBe('Default Response');
  });

  test('every error under /v1 and /apps is a problem document that lists its codes', () => {
    for (const { name, call } of calls.filter((one) => /\/(v1|apps)\//.test(one.name))) {
      for (const [status, response] of Object.entries(call.responses)) {
        if (Number(status) < 400) continue;
        expect(response.content, `of ${name}`).toEqual({
          'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
        });
        expect(response.description, `of ${name}`).toMatch(/^`[a-z-]+`: /);
      }
      expect(Object.keys(call.responses), `of ${name}`).toEqual(expect.arrayContaining(['400', '500', '503']));
    }
  });

  test('gives what several calls share a name, the list form of topics one of its own', () => {
    const { schemas } = document.components;
    expect(schemas['TopicList']).toMatchObject({
      type: 'array',
      minItems: 1,
      maxItems: 1000,
      items: expect.any(Object),
    });
    expect(schemas['SubscribeTopicRequest']).toMatchObject({
      properties: {
        topics: { anyOf: [{ $ref: '#/components/schemas/TopicsInText' }, { $ref: '#/components/schemas/TopicList' }] },
      },
    });
    expect(Object.keys(schemas)).toEqual(
      expect.arrayContaining(['Problem', 'Client', 'Topic', 'NewKey', 'ApiKey', 'Published', 'Position', 'TopicName']),
    );
    expect(new Set(Object.values(schemas).map((schema) => JSON.stringify(schema))).size).toBe(
      Object.keys(schemas).length,
    );
  });

  test('says of each value what it is: no form is empty, and every number of a request has bounds', () => {
    expect(printed).not.toMatch(/"(anyOf|oneOf)": \[\]/);
    const numbers = calls
      .flatMap(({ call }) => call.parameters ?? [])
      .filter(({ schema }) => schema.type === 'integer');
    for (const { name, schema } of numbers) expect(schema, `the parameter ${name}`).toHaveProperty('maximum');
    const silent = calls.filter(({ name, call }) => name.includes('/v1/') && !call['x-needs']);
    expect(silent).toEqual([]);
  });

  test('only the calls by which a client acts for itself, and the probes, need no key', () => {
    const open = calls
      .filter(({ call }) => call.security.length === 0 || call.security.some(isOpen))
      .map(({ name }) => name);
    expect(open.toSorted()).toEqual([
      'DELETE /v1/clients/{clientId}',
      'DELETE /v1/clients/{clientId}/topics',
      'GET /healthz',
      'GET /metrics',
      'GET /readyz',
      'GET /up',
      'GET /v1/clients/{clientId}',
      'POST /v1/clients/{clientId}/topics',
    ]);
  });

  test('a body that may be left out is not called required', () => {
    const optional = calls.filter(({ call }) => call.requestBody?.required === false).map(({ name }) => name);
    expect(optional.toSorted()).toEqual([
      'DELETE /v1/clients/{clientId}/topics',
      'POST /v1/clients',
      'POST /v1/users/{user}/revoke',
      'PUT /v1/topics/{topic}',
    ]);
  });
});

test('every reference leads somewhere', () => {
  const known = new Set(Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`));
  const references = [...printed.matchAll(/"\$ref": ?"([^"]+)"/g)].map(([, reference]) => reference);
  expect(references.length).toBeGreaterThan(0);
  for (const reference of references) expect(known).toContain(reference);
});
