import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestApi, startTestApi } from '../testing/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

describe('the endpoints for operators', () => {
  test('/healthz answers 200 whatever the checks say', async () => {
    api.health.check('other', () => 'is not well');
    expect(await api.call('GET', '/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
  });

  test('/readyz answers 503 with the reason, 200 when all is well, and 503 once it drains', async () => {
    let reason: string | null = 'is not well';
    api.health.check('other', () => reason);
    expect(await api.call('GET', '/readyz')).toMatchObject({ status: 503, body: { checks: { other: 'is not well' } } });
    reason = null;
    expect(await api.call('GET', '/readyz')).toMatchObject({ status: 200, body: { status: 'ready' } });
    api.health.drain();
    expect((await api.call('GET', '/readyz')).status).toBe(503);
  });

  test('/metrics counts calls by route and status, registrations and publishes', async () => {
    await api.topics('news.measured');
    await api.client({ topics: ['news.measured'] });
    await api.call('POST', '/v1/topics/news.measured/messages', { key: 'all', raw: '1' });
    await api.call('GET', '/never/there');
    const answer = await api.call('GET', '/metrics');
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toMatch(/^text\/plain/);
    const sample = (name: string, ...labels: string[]) =>
      answer.text
        .split('\n')
        .find((line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)));
    expect(sample('holdfast_registrations_total', 'outcome="registered"')).toMatch(/ 1$/);
    expect(sample('holdfast_publishes_total', 'outcome="published"')).toMatch(/ 1$/);
    const publish = ['route="/v1/topics/:topic/messages"', 'status="202"', 'method="POST"'];
    expect(sample('holdfast_http_request_seconds_count', ...publish)).toMatch(/ 1$/);
    expect(sample('holdfast_http_request_seconds_count', 'route="unmatched"', 'status="404"')).toMatch(/ 1$/);
  });

  test('/metrics are never older than the call, however often they are asked for', async () => {
    await api.topics('news.fresh');
    const published = async () => {
      const { text } = await api.call('GET', '/metrics');
      return Number(/^holdfast_publishes_total\{.*outcome="published".* (\d+)$/m.exec(text)?.[1] ?? 0);
    };
    const before = await published();
    for (let count = 1; count <= 2; count += 1) {
      await api.call('POST', '/v1/topics/news.fresh/messages', { key: 'all', raw: '1' });
      expect(await published()).toBe(before + count);
    }
  });

  test('/openapi.json is OpenAPI 3.1', async () => {
    const document = await api.call('GET', '/openapi.json');
    expect(document).toMatchObject({ status: 200, body: { openapi: '3.1.0' } });
  });
});
