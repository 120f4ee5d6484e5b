import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createTokenIssuer } from '@holdfast/server';
import { eventually } from '@holdfast/testkit/eventually';
import { expect } from 'vitest';
import type { TestBrowser } from '../browser.ts';
import { type PageServer, allowing, startPageServer } from '../page-server.ts';
import { PATIENCE } from '../readme-page.ts';
import { type Consumer, tool } from './consumer.ts';
import { startTokenBackend } from './smoke.ts';
import { shownBlocks } from './readme.ts';

/** The example of the README as it stands; `#other` shows its parts in its place, where `#leave` takes one away. */
const MAIN = `
import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { HoldfastProvider, useConnectionState, useMessage } from '@holdfast/react';
import { App, Lobby, options } from './app.tsx';

function Heard() {
  const [count, setCount] = useState(0);
  useMessage('chat.lobby', () => setCount(count + 1));
  return <output>{useConnectionState()} {count}</output>;
}
function Other() {
  const [left, leave] = useState(false);
  return (
    <HoldfastProvider options={options}>
      <button id="leave" onClick={() => leave(true)}>leave</button>
      <Heard />
      {left ? null : <Lobby />}
    </HoldfastProvider>
  );
}
const root = createRoot(document.getElementById('root')!);
root.render(<StrictMode><App /></StrictMode>);
document.getElementById('other')!.onclick = () => root.render(<StrictMode><Other /></StrictMode>);
document.getElementById('unmount')!.onclick = () => root.unmount();
`;

/** A project of Vite, by path. */
async function reactPage(controlUrl: string): Promise<Record<string, string>> {
  const [app = ''] = await shownBlocks('packages/react/README.md', 'tsx');
  const ours = app.replace('https://push.example.com', controlUrl);
  return {
    'vite/index.html':
      '<!doctype html><div id="root"></div><button id="other">other</button><button id="unmount">unmount</button><script type="module" src="/main.tsx"></script>',
    'vite/main.tsx': MAIN,
    'vite/app.tsx': `${ours}\nexport { Lobby, options };\n`,
    // The development build of React is the one that has a strict mode.
    'vite/vite.config.js': `export default { define: { 'process.env.NODE_ENV': '"development"' }, oxc: { jsx: { development: false } } };`,
  };
}

/** Serves what Vite built, and the endpoint for tokens. Gives how many tokens were asked for. */
async function serveBuilt(site: PageServer, folder: string, privateJwk: string): Promise<() => number> {
  const html = await readFile(join(folder, 'index.html'), 'utf8');
  site.serve('/', 'text/html', () => html);
  for (const name of await readdir(join(folder, 'assets'))) {
    site.serve(`/assets/${name}`, 'text/javascript', () => readFile(join(folder, 'assets', name), 'utf8'));
  }
  const issuer = createTokenIssuer({ privateJwk });
  let tokens = 0;
  site.handle('/holdfast-token', (_request, response) => {
    tokens += 1;
    const may = { subscribe: ['chat.*'], presence: ['chat.*'] };
    response.end(issuer.issue({ user: 'ann', may }));
  });
  return () => tokens;
}

/**
 * Builds the page with Vite and the React that the consumer has, and looks at it in strict mode. Gives the tokens that its
 * first client has asked for, and what was thrown.
 */
export async function runInStrictMode(consumer: Consumer, browser: TestBrowser) {
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
  const asked = tokens();
  const clients = await backend.call<{ clients: { topics: string[] }[] }>('GET', '/v1/clients?user=ann');
  expect(clients.body.clients.map(({ topics }) => topics)).toEqual([['chat.lobby']]);

  await tab.click('#other');
  await eventually(async () => expect(await lobby.getAttribute('title')).toBe('1: ann'), PATIENCE);
  for (const data of ['three', 'four']) await backend.publish('chat.lobby', data);
  await eventually(async () => expect(await lobby.allInnerTexts()).toEqual(['"three"\n"four"']), PATIENCE);
  expect(await tab.innerText('output')).toBe('open 2');
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
  return { tokens: asked, faults };
}
