import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@holdfast/testkit/eventually';
import { type CallOptions, call } from '@holdfast/testkit/rest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestBrowser, startBrowser } from '../browser.ts';
import { startPageServer, allowing } from '../page-server.ts';
import { PATIENCE } from '../readme-page.ts';
import { type Consumer, startConsumer, tool } from './consumer.ts';
import { reactPage, serveBuilt } from './react-page.ts';
import { readmeBlocks } from './readme.ts';
import { smokeOutput, smokeProgram, startTokenBackend } from './smoke.ts';
import { tsconfig, typedPage, typedReact, typedServer } from './typed.ts';

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
    const [publish = '', tokens = '', webhooks = ''] = await readmeBlocks('server', 'ts');
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

    const [listen = ''] = await readmeBlocks('client', 'ts');
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
    await using site = await startPageServer();
    await using started = await startTokenBackend(allowing(site));
    const { backend, privateJwk } = started;
    await backend.call('PUT', '/v1/topics/chat.lobby', { body: { presence: { graceSeconds: 0 } } });
    await consumer.write(await reactPage(backend.installation.controlUrl));
    await consumer.run(process.execPath, [
      tool('vite/bin/vite.js'),
      'build',
      'vite',
      '--mode',
      'development',
      '--logLevel',
      'warn',
    ]);
    const tokens = await serveBuilt(site, join(consumer.path, 'vite/dist'), privateJwk);
    const tab = await browser.newPage();
    const faults: string[] = [];
    tab.on('pageerror', (error) => faults.push(String(error)));
    await tab.goto(site.origin);
    const lobby = tab.locator('ul');
    await eventually(async () => expect(await lobby.getAttribute('title')).toBe('1: ann'), PATIENCE);
    for (const data of ['one', 'two']) await backend.publish('chat.lobby', data);
    await eventually(async () => expect(await lobby.allInnerTexts()).toEqual(['"one"\n"two"']), PATIENCE);
    // React mounted twice; the client was made once, and its subscription asked for once.
    expect({ tokens: tokens(), faults }).toEqual({ tokens: 1, faults: [] });
    const clients = await backend.call<{ clients: { topics: string[] }[] }>('GET', '/v1/clients?user=ann');
    expect(clients.body.clients.map(({ topics }) => topics)).toEqual([['chat.lobby']]);

    await tab.click('#other');
    await eventually(async () => expect(await lobby.getAttribute('title')).toBe('1: ann'), PATIENCE);
    await tab.click('#leave');
    await eventually(async () => {
      const { body } = await backend.call<typeof clients.body>('GET', '/v1/clients?user=ann');
      expect(body.clients.map(({ topics }) => topics)).toEqual([[]]);
    }, PATIENCE);
    await tab.click('#unmount');
    await eventually(async () => {
      expect((await backend.call('GET', '/v1/users/ann')).body).toMatchObject({ connected: false });
    }, PATIENCE);
    await tab.close();
  });
});
