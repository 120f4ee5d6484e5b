import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createTokenIssuer } from '@holdfast/server';
import type { PageServer } from '../page-server.ts';
import { readmeBlocks } from './readme.ts';

/** The example of the README as it stands; `#other` shows its parts in its place, where `#leave` takes one away. */
const MAIN = `
import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { HoldfastProvider } from '@holdfast/react';
import { App, Lobby, options } from './app.tsx';

function Other() {
  const [left, leave] = useState(false);
  return (
    <HoldfastProvider options={options}>
      <button id="leave" onClick={() => leave(true)}>leave</button>
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
export async function reactPage(controlUrl: string): Promise<Record<string, string>> {
  const [app = ''] = await readmeBlocks('react', 'tsx');
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
export async function serveBuilt(site: PageServer, folder: string, privateJwk: string): Promise<() => number> {
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
