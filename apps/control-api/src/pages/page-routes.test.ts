import { pageFiles } from '@holdfast/console/files';
import { childrenOf } from '@holdfast/testkit/processes';
import { fastify } from 'fastify';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { pageRoutes } from './page-routes.ts';

const files = await pageFiles('console');
const app = fastify();
await app.register(pageRoutes, { path: '/console', files, connects: ['ws:', 'wss:'] });

describe('the console', () => {
  it('is bundled without a process that stays', async () => {
    await expect.poll(() => childrenOf(process.pid)).toEqual([]);
  });

  it.each([
    ['/console', 'index.html', 'text/html; charset=utf-8'],
    ['/console/app.js', 'app.js', 'text/javascript; charset=utf-8'],
    ['/console/app.css', 'app.css', 'text/css; charset=utf-8'],
    ['/console/icon.svg', 'icon.svg', 'image/svg+xml'],
  ])('%s is served with its type, by a policy that lets nothing else in', async (url, name, type) => {
    const answer = await app.inject({ url });
    expect(answer.statusCode).toBe(200);
    expect(answer.rawPayload.equals(files.get(name)?.body ?? Buffer.alloc(0))).toBe(true);
    expect(answer.headers).toMatchObject({
      'content-type': type,
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-cache',
      'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
        "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    });
    expect(answer.headers['content-encoding']).toBeUndefined();
  });

  it.each(['gzip', 'br, gzip;q=0.5', '*, gzip'])('is compressed for %s', async (encodings) => {
    const answer = await app.inject({ url: '/console/app.js', headers: { 'accept-encoding': encodings } });
    expect(answer.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept-encoding' });
    expect(gunzipSync(answer.rawPayload).equals(files.get('app.js')?.body ?? Buffer.alloc(0))).toBe(true);
  });

  it.each(['br', 'gzip;q=0', 'gzip; q=0.0, identity'])('is not for %s', async (encodings) => {
    const answer = await app.inject({ url: '/console/app.js', headers: { 'accept-encoding': encodings } });
    expect(answer.headers['content-encoding']).toBeUndefined();
  });

  it('connects to edges where it may, and the page of the API to nothing but the API', async () => {
    const docs = fastify();
    await docs.register(pageRoutes, { path: '/docs', files: await pageFiles('docs'), connects: [] });
    const { headers } = await docs.inject({ url: '/docs' });
    expect(headers['content-security-policy']).toContain("connect-src 'self';");
  });

  it('is not sent again to who has it', async () => {
    const { etag = '' } = files.get('app.js') ?? {};
    const known = await app.inject({ url: '/console/app.js', headers: { 'if-none-match': `"other", W/${etag}` } });
    expect([known.statusCode, known.body]).toEqual([304, '']);
    const other = await app.inject({ url: '/console/app.js', headers: { 'if-none-match': '"other"' } });
    expect(other.statusCode).toBe(200);
  });

  it('is found with a slash behind it, and has no other files', async () => {
    const answer = await app.inject({ url: '/console/' });
    expect([answer.statusCode, answer.headers.location]).toEqual([308, '../console']);
    expect((await app.inject({ url: '/console/../package.json' })).statusCode).toBe(404);
    expect((await app.inject({ url: '/console/other.js' })).statusCode).toBe(404);
  });
});
