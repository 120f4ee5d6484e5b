import { describe, expect, it } from 'vitest';
import { curlLine } from '../api/curl.ts';
import { type Call, callsWith, credentialsOf, problemsOf } from './openapi.ts';
import { examplesOf, missingOf, requestOf } from './requests.ts';

const call: Call = {
  method: 'POST',
  path: '/v1/topics/{topic}/messages',
  operationId: 'publish',
  summary: 'Publish a message',
  tags: ['messages'],
  security: [{ apiKey: [] }, { bearer: [] }, { token: [] }],
  parameters: [
    { name: 'topic', in: 'path', required: true, example: 'news.sport' },
    { name: 'limit', in: 'query', example: 10 },
    { name: 'idempotency-key', in: 'header' },
  ],
  requestBody: {
    required: true,
    content: { 'application/json': { examples: { one: { value: { home: 2, text: 'a  b' } }, two: { value: 1 } } } },
  },
  responses: {
    202: { description: 'Appended' },
    404: { description: '`topic-not-found`: No such topic exists.' },
    403: { description: '`key-missing`: An API key is needed. `key-unknown`: The key is v1.2 or not known.' },
  },
};

describe('a call as it is tried', () => {
  it('begins with its examples', () => {
    const request = requestOf(call, examplesOf(call));
    expect(request).toEqual({
      method: 'POST',
      path: '/v1/topics/news.sport/messages',
      query: { limit: '10' },
      headers: {},
      body: '{"home":2,"text":"a  b"}',
    });
    expect(missingOf(call, examplesOf(call))).toEqual([]);
  });

  it('has what was typed, encoded, and says what its path lacks', () => {
    const parameters = { topic: 'a/b', 'idempotency-key': 'k 1' };
    expect(requestOf(call, { parameters, body: ' ' })).toMatchObject({
      path: '/v1/topics/a%2Fb/messages',
      headers: { 'idempotency-key': 'k 1' },
    });
    expect(requestOf(call, { parameters: {}, body: '' }).path).toBe(call.path);
    expect(missingOf(call, { parameters: {}, body: '' })).toEqual(['topic']);
  });

  it('shows no key in its curl line where it takes none', () => {
    const open = { ...call, security: [], requestBody: undefined } as unknown as Call;
    const line = curlLine(requestOf(open, { parameters: { 'idempotency-key': 'k 1' }, body: '' }), 'http://a');
    expect(line).not.toContain('HOLDFAST_KEY');
    expect(line).toContain("-H 'idempotency-key: k 1'");
  });
});

describe('the calls of a document', () => {
  it('are found by words of their path, of what they do, and of their problems', () => {
    for (const text of ['publish', 'POST messages', 'TOPIC-not', '']) expect(callsWith([call], text)).toHaveLength(1);
    expect(callsWith([call], 'publish nothing')).toEqual([]);
  });

  it('have their problems by code, and their credentials by name', () => {
    expect(problemsOf(call)).toEqual({
      'topic-not-found': { status: '404', title: 'No such topic exists' },
      'key-missing': { status: '403', title: 'An API key is needed' },
      'key-unknown': { status: '403', title: 'The key is v1.2 or not known' },
    });
    expect(credentialsOf(call)).toEqual(['API key', 'token']);
    expect(credentialsOf({ security: [{}, { token: [] }] })).toEqual(['UUID in the path', 'token']);
    expect(credentialsOf({})).toEqual([]);
  });
});
