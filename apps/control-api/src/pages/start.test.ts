import { fastify } from 'fastify';
import { describe, expect, it } from 'vitest';
import { startRoute } from './start.ts';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

async function start(pages: { docs: boolean; console: boolean }) {
  const app = fastify();
  await app.register(startRoute, pages);
  return (accept?: string) => app.inject({ url: '/', headers: accept === undefined ? {} : { accept } });
}

describe('/', () => {
  it('leads a browser to the page of the API, below whatever path a proxy serves it', async () => {
    const answer = await (await start({ docs: true, console: false }))(BROWSER);
    expect([answer.statusCode, answer.headers.location]).toEqual([302, 'docs']);
    expect(answer.headers.vary).toBe('accept');
  });

  it.each([undefined, '*/*', 'application/json'])('gives the addresses as JSON for accept: %s', async (accept) => {
    const links = { openapi: 'openapi.json', ready: 'readyz', docs: 'docs' };
    const answer = await (await start({ docs: true, console: false }))(accept);
    expect(answer.json()).toMatchObject({ name: 'Holdfast Control API', links });
    expect((await (await start({ docs: true, console: true }))(accept)).json()).toMatchObject({
      links: { ...links, console: 'console' },
    });
  });

  it('names no page that is not served', async () => {
    const answer = await (await start({ docs: false, console: false }))(BROWSER);
    expect(answer.json()).toMatchObject({ links: { openapi: 'openapi.json', ready: 'readyz' } });
    expect(answer.body).not.toContain('docs');
  });
});
