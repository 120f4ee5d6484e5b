import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FULL_RIGHTS } from '@holdfast/local/installation';
import { createKey } from '@holdfast/keys-file/keys-file';
import { eventually } from '@holdfast/testkit/eventually';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBackend } from '../e2e/backend.ts';
import { type TestBrowser, startBrowser } from '../e2e/browser.ts';
import { identityPage, runShell, tokenEndpoint } from '../e2e/identity-page.ts';
import { allowing, startPageServer } from '../e2e/page-server.ts';
import { PATIENCE } from '../e2e/readme-page.ts';
import { temporaryDirectory } from '../e2e/temporary-directory.ts';

/** The first time on a machine: apt-get brings some hundred megabytes. */
const BROWSER_INSTALLATION_MS = 300_000;
/** A token of these seconds is over soon, and its connection 30 s later. */
const TOKEN_SECONDS = 8;
const TOKEN_ENDS = { timeoutMs: 60_000 };
const LIFE_MS = 180_000;
/** Ends the command in the background, as Ctrl-C does, when it has printed a message, or after some half a minute. */
const UNTIL_PRINTED = `pid=$!
  for try in $(seq 150); do [ -s messages ] && break; sleep 0.2; done
  kill $pid; wait $pid; cat messages`;

let browser: TestBrowser;

beforeAll(async () => {
  browser = await startBrowser();
}, BROWSER_INSTALLATION_MS);
// Undefined where none could be started; that failure is the one to read.
afterAll(() => (browser as TestBrowser | undefined)?.[Symbol.asyncDispose]());

/** The page, the endpoint and the API key of docs/identity.md, with an installation beside them. */
async function startIdentityPage() {
  await using started = new AsyncDisposableStack();
  const { path: directory } = started.use(await temporaryDirectory());
  const docs = await identityPage();
  const keysFile = join(directory, 'api-keys.json');
  // The page of the test sees presence as well.
  const created = await runShell(directory, `${docs.createKey.trim()} --presence 'news.*'`, {
    API_KEYS_FILE: keysFile,
  });
  expect({ created }).toMatchObject({ created: { code: 0 } });
  const { presented: key } = await createKey(keysFile, { id: 'backend', can: FULL_RIGHTS });

  const site = started.use(await startPageServer());
  const backend = started.use(await startBackend({ edges: 1, env: allowing(site), keys: { keysFile, key } }));
  const session = { user: 'ann' as string | null };
  const given = docs.endpoint
    .replace('15m', `${TOKEN_SECONDS}s`)
    .replace('hf: {', "hf: { may: { subscribe: ['news.lobby', 'user.{user}.*'] },");
  const { path, answer } = await tokenEndpoint(given, directory, () => session.user);
  site.handle(path, answer);
  const script = docs.page.replace('https://push.example.com', backend.installation.controlUrl);
  const shown = `Object.assign(globalThis, { client, registered: new Set() });
    client.on('registered', ({ clientId }) => registered.add(clientId));
    client.on('closed', ({ reason }) => (document.body.textContent = 'The end: ' + reason));`;
  site.serve('/', 'text/html', () => `<!doctype html><body><script type="module">${script}\n${shown}</script>`);
  const running = started.move();
  return { docs, directory, site, backend, session, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** Opens the page in a tab, and writes down all that it says and asks for. */
async function visit(origin: string) {
  const page = await browser.newPage();
  const logged: string[] = [];
  const asked: string[] = [];
  const sockets: string[] = [];
  page.on('console', (line) => logged.push(line.text()));
  page.on('request', (request) => asked.push(`${request.method()} ${request.url()}`));
  page.on('websocket', (socket) => sockets.push(new URL(socket.url()).host));
  await page.goto(origin);
  return { page, logged, asked, sockets, [Symbol.asyncDispose]: () => page[Symbol.asyncDispose]() };
}

/** Subscribes in the page, by its own right; gives the topics, or why not. */
function subscribe(page: Page, topic: string): Promise<unknown> {
  return page.evaluate(`client.subscribe(['${topic}']).then(({ topics }) => topics,
    ({ code, status, problem }) => ({ code, status, topics: problem.topics }))`);
}

describe('the page of docs/identity.md', () => {
  it(
    'registers itself with a token, receives, sees who is there, outsleeps its token, and ends with a reason when it is revoked',
    async () => {
      await using started = await startIdentityPage();
      const { backend, site, session } = started;
      await backend.topic('news.secret');
      await backend.call('PUT', '/v1/topics/news.lobby', { body: { presence: {} } });
      await backend.call('PUT', '/v1/topics/user.bob.inbox', { body: {} });
      await using tab = await visit(site.origin);
      const { page, logged, asked, sockets } = tab;
      const isLogged = (line: string) => eventually(() => expect(logged).toContain(line), PATIENCE);
      const annIs = (connected: boolean) =>
        eventually(async () => {
          expect((await backend.call('GET', '/v1/users/ann')).body).toMatchObject({ connected });
        }, TOKEN_ENDS);
      const tokens = () => site.requests.filter((request) => request === 'POST /holdfast-token').length;
      const registered = () => page.evaluate<string[]>('[...registered]');

      await annIs(true);
      const [clientId = ''] = await registered();
      await backend.publish('user.ann.inbox', 'on a topic');
      await backend.call('POST', '/v1/users/ann/messages', { body: 'to the user' });
      await backend.call('POST', `/v1/clients/${clientId}/messages`, { body: 'to the client' });
      await isLogged('user.ann.inbox on a topic');
      await isLogged('@user to the user');
      await isLogged('@me to the client');

      expect(await subscribe(page, 'news.lobby')).toEqual(['news.lobby', 'user.ann.inbox']);
      for (const topic of ['news.secret', 'user.bob.inbox']) {
        expect(await subscribe(page, topic)).toEqual({ code: 'not-permitted', status: 403, topics: [topic] });
      }

      // Renewed beside the connection that it has.
      const renewed = tokens() + 2;
      await eventually(() => expect(tokens()).toBeGreaterThanOrEqual(renewed), PATIENCE);
      expect(sockets).toHaveLength(1);

      await page.evaluate(`(async () => {
        globalThis.here = client.presence('news.lobby');
        here.on('joined', ({ id, info }) => console.log('joined', id, info));
        here.on('left', ({ id }) => console.log('left', id));
        await here.ready;
      })()`);
      expect(await page.evaluate('[...here.keys()]')).toEqual(['ann']);
      const { body: bob } = await backend.call<{ clientId: string }>('POST', '/v1/clients', {
        body: { user: 'bob', info: 'a guest', topics: ['news.lobby'] },
      });
      const socket = await backend.connect(bob.clientId);
      await isLogged('joined bob a guest');
      expect(await page.evaluate('[...here.keys()].sort()')).toEqual(['ann', 'bob']);
      await socket.close();
      await isLogged('left bob');

      // It sleeps until its token, and the connection by it, are long over.
      let before = 0;
      await browser.whileSuspended(async () => {
        // What the page had asked for until then has come with this answer.
        await annIs(true);
        before = tokens();
        await annIs(false);
        await backend.publish('user.ann.inbox', 'while it slept');
        const over = await backend.call('GET', `/v1/clients/${clientId}`, { key: '' });
        expect(over).toMatchObject({ status: 403, body: { code: 'token-expired' } });
        expect([logged.includes('user.ann.inbox while it slept'), tokens() - before]).toEqual([false, 0]);
      });
      await isLogged('user.ann.inbox while it slept');
      await annIs(true);
      expect(tokens()).toBeGreaterThan(before);
      expect(await registered()).toEqual([clientId]);
      await eventually(async () => expect(await page.evaluate('[...here.keys()]')).toEqual(['ann']), PATIENCE);

      session.user = null;
      expect((await backend.call('POST', '/v1/users/ann/revoke')).body).toEqual({ user: 'ann', clients: 1 });
      await eventually(async () => expect(await page.innerText('body')).toBe('The end: not-authorized'), PATIENCE);
      await isLogged('ended: not-authorized');
      await annIs(false);

      // Nothing of what it asked its backend for was anything but the page itself and its tokens.
      const { controlUrl, edgeUrls } = backend.installation;
      const own = site.requests.filter((request) => request !== 'GET /favicon.ico');
      expect([...new Set(own)].toSorted()).toEqual(['GET /', 'GET /holdfast.js', 'POST /holdfast-token']);
      expect(own.filter((request) => request.startsWith('GET'))).toHaveLength(2);
      const others = asked.filter((request) => !request.includes(site.origin));
      expect([...new Set(others)].toSorted()).toEqual([
        `POST ${controlUrl}/v1/clients`,
        `POST ${controlUrl}/v1/clients/${clientId}/topics`,
      ]);
      expect(new Set(sockets)).toEqual(new Set(edgeUrls.map((url) => new URL(url).host)));
      // Each message once.
      expect(logged.filter((line) => line.startsWith('user.ann.inbox'))).toEqual([
        'user.ann.inbox on a topic',
        'user.ann.inbox while it slept',
      ]);
    },
    LIFE_MS,
  );

  it('can be tried without a backend, by the command line', { timeout: LIFE_MS }, async () => {
    await using started = await startIdentityPage();
    const { backend, directory, docs } = started;
    const env = { HOLDFAST_CONTROL_URL: backend.installation.controlUrl };
    const minted = await runShell(directory, docs.mintToken, env);
    expect({ minted }).toMatchObject({ minted: { code: 0 } });
    const listen = docs.listen.replace('<it>', minted.output);
    const listening = runShell(directory, `${listen} > messages 2> progress & ${UNTIL_PRINTED}`, env);
    // What is published before it listens it does not get.
    await eventually(async () => {
      expect(await readFile(join(directory, 'progress'), 'utf8')).toContain('receiving');
    }, PATIENCE);
    await backend.publish('user.ann.inbox', 'hello');
    const printed = await listening;
    expect({ printed }).toMatchObject({
      printed: { code: 0, output: expect.stringMatching(/user\.ann\.inbox.*hello/) },
    });
  });
});
