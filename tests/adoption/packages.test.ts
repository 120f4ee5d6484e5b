import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '@holdfast/local/free-port';
import { eventually } from '@holdfast/testkit/eventually';
import { type CallOptions, call } from '@holdfast/testkit/rest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestBrowser, startBrowser } from '../e2e/browser.ts';
import { startPageServer, allowing } from '../e2e/page-server.ts';
import { PATIENCE } from '../e2e/readme-page.ts';
import { type Consumer, startConsumer, tool } from '../e2e/packages/consumer.ts';
import { runInStrictMode } from '../e2e/packages/react-page.ts';
import { shownBlocks } from '../e2e/packages/readme.ts';
import { smokeOutput, smokeProgram, startTokenBackend } from '../e2e/packages/smoke.ts';
import { tsconfig, typedPage, typedReact, typedServer } from '../e2e/packages/typed.ts';

/** Builds, packs and installs, beside other tests; the first time on a machine apt-get brings a browser. */
const START_MS = 300_000;
/** What an application has beside our packages. */
const BESIDE = ['react@19.3.1', 'react-dom@19.3.1', '@types/react@19.3.3', '@types/node@26.6.6'];
const CHECKS = [
  ['typescript/bin/tsc', 'page-bundler'],
  ['typescript/bin/tsc', 'page-nodenext'],
  ['typescript/bin/tsc', 'backend-bundler'],
  ['typescript/bin/tsc', 'backend-nodenext'],
  ['typescript-6/bin/tsc', 'page-bundler'],
  ['typescript-6/bin/tsc', 'backend-nodenext'],
] as const;
const RESOLUTIONS = [
  { module: 'esnext', moduleResolution: 'bundler' },
  { module: 'nodenext', moduleResolution: 'nodenext' },
] as const;

let consumer: Consumer;
let browser: TestBrowser;
beforeAll(async () => {
  [consumer, browser] = await Promise.all([startConsumer(BESIDE), startBrowser()]);
}, START_MS);
afterAll(async () => {
  await (browser as TestBrowser | undefined)?.[Symbol.asyncDispose]();
  await (consumer as Consumer | undefined)?.[Symbol.asyncDispose]();
});

describe('the packages, installed from their tarballs', () => {
  it('type-check in strict projects, with either resolution, by this compiler and the one before', async () => {
    await consumer.write({
      'typed/page.ts': typedPage,
      'typed/lobby.tsx': typedReact,
      'typed/backend.ts': typedServer,
    });
    for (const resolution of RESOLUTIONS) {
      const { moduleResolution } = resolution;
      await consumer.write({
        [`typed/page-${moduleResolution}.json`]: tsconfig(resolution, ['page.ts', 'lobby.tsx'], []),
        [`typed/backend-${moduleResolution}.json`]: tsconfig(resolution, ['backend.ts'], ['node']),
      });
    }
    for (const [compiler, project] of CHECKS) {
      const printed = await consumer.run(process.execPath, [tool(compiler), '-p', `typed/${project}.json`]);
      expect({ project, printed }).toEqual({ project, printed: '' });
    }
  });

  it('run as a program of Node, and in its worker threads', async () => {
    await using started = await startTokenBackend();
    const worker = "import { Worker } from 'node:worker_threads'; new Worker(new URL('smoke.js', import.meta.url));";
    await consumer.write({ 'smoke.js': await smokeProgram(), 'worker.js': worker });
    for (const program of ['smoke.js', 'worker.js']) {
      const variables = started.variables();
      expect(JSON.parse(await consumer.run(process.execPath, [program], variables))).toEqual(smokeOutput(variables));
    }
  });

  it('run as the examples of their READMEs do', async () => {
    await using started = await startTokenBackend();
    const { backend, privateJwk } = started;
    const { controlUrl, key } = backend.installation;
    const [publish = '', tokens = '', webhooks = ''] = await shownBlocks('packages/server/README.md', 'ts');
    const ours = (code: string) => code.replace('http://127.0.0.1:7700', controlUrl);
    const mint = `import { tokenFor } from './tokens.ts'; console.log(tokenFor('ann', 'tab-1'));`;
    const refuse = `import { webhook } from './webhooks.ts'; console.log((await webhook(new Request('http://x', { method: 'POST' }))).status);`;
    await consumer.write({
      'web.jwk.json': privateJwk,
      'publish.ts': ours(publish),
      'tokens.ts': tokens,
      'mint.ts': mint,
      'webhooks.ts': webhooks,
      'refuse.ts': refuse,
    });
    const env = { HOLDFAST_KEY: key, WEBHOOK_SECRET: 'whsec_c2VjcmV0' };
    expect(await consumer.run(process.execPath, ['publish.ts'], env)).toMatch(/^\d+-\d+ true [0-9a-f-]{36}$/);
    const token = await consumer.run(process.execPath, ['mint.ts'], env);
    const options: CallOptions = { headers: { authorization: `Bearer ${token}` }, body: {} };
    expect((await call(controlUrl, 'POST', '/v1/clients', options)).body).toMatchObject({ name: 'ann.tab-1' });
    expect(await consumer.run(process.execPath, ['refuse.ts'], env)).toBe('400');

    const [listen = ''] = await shownBlocks('packages/client/README.md', 'ts');
    await consumer.write({
      'listen.ts': ours(listen).replace('console.log(id, data)', 'process.exit(data === 7 ? 0 : 1)'),
    });
    const listening = consumer.run(process.execPath, ['listen.ts'], env);
    await eventually(async () => {
      const { body } = await backend.call<{ subscribers: number }>('GET', '/v1/topics/news.sport');
      expect(body.subscribers).toBe(1);
    }, PATIENCE);
    await backend.publish('news.sport', 7);
    await listening;
  });

  it('show a private message in a page with its backend, as the README has them', async () => {
    await using started = await startTokenBackend();
    const { controlUrl, key } = started.backend.installation;
    const port = String(await freePort());
    const [page = ''] = await shownBlocks('packages/client/README.md', 'html');
    const [program = ''] = await shownBlocks('packages/client/README.md', 'js');
    expect([page.trim().split('\n').length <= 10, program.trim().split('\n').filter(Boolean).length <= 15]).toEqual([
      true,
      true,
    ]);
    await consumer.write({
      'page.html': page,
      'backend.mjs': program.replace('http://127.0.0.1:7700', controlUrl).replace('8080', port),
    });
    await using running = new AsyncDisposableStack();
    running.use(consumer.start(process.execPath, ['backend.mjs'], { HOLDFAST_KEY: key }));
    const tab = await browser.newPage();
    await eventually(() => tab.goto(`http://127.0.0.1:${port}`), PATIENCE);
    await eventually(async () => {
      expect((await started.backend.call('GET', '/v1/users/ann')).body).toMatchObject({ connected: true });
    }, PATIENCE);
    await tab.click('button');
    await eventually(async () => expect(await tab.innerText('body')).toContain('Hello, Ann!'), PATIENCE);
    await tab.close();
  });

  it('run in a page without a bundler, and in a worker of it', async () => {
    await using site = await startPageServer();
    await using started = await startTokenBackend(allowing(site));
    const { backend } = started;
    await backend.topic('news.page');
    const clients = await Promise.all([backend.register(['news.page']), backend.register(['news.page'])]);
    const file = join(consumer.path, 'node_modules/@holdfast/client/dist/holdfast.min.js');
    const [url = ''] = backend.installation.edgeUrls;
    const listen = (clientId: string, show: string) => `import { connect } from '/holdfast.min.js';
      connect({ url: '${url}', clientId: '${clientId}' }).on('message', ({ data }) => ${show});`;
    site.serve('/holdfast.min.js', 'text/javascript', () => readFile(file, 'utf8'));
    site.serve('/worker.js', 'text/javascript', () => listen(clients[0], 'postMessage(data)'));
    const show = `document.body.append(data)`;
    const page = `new Worker('/worker.js', { type: 'module' }).onmessage = ({ data }) => document.body.append(' worker: ' + data);`;
    site.serve(
      '/',
      'text/html',
      () => `<!doctype html><body><script type="module">${listen(clients[1], show)}\n${page}</script>`,
    );
    const tab = await browser.newPage();
    await tab.goto(site.origin);
    await eventually(async () => {
      const { body } = await backend.call<{ subscribers: number }>('GET', '/v1/topics/news.page');
      expect(body.subscribers).toBe(2);
    }, PATIENCE);
    await backend.publish('news.page', 'hello');
    await eventually(async () => {
      const text = await tab.innerText('body');
      expect([text.includes('worker: hello'), text.replace('worker: hello', '').trim()]).toEqual([true, 'hello']);
    }, PATIENCE);
    await tab.close();
  });

  it('build with Vite and React, and run in strict mode: one client, that stays subscribed', async () => {
    // React mounts twice; the client is made once.
    expect(await runInStrictMode(consumer, browser)).toEqual({ tokens: 1, faults: [] });
  });
});
