import { readFile } from 'node:fs/promises';
import type { IncomingMessage, RequestListener } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { type CommandResult, runCommand } from '@holdfast/local/run-command';

/** The code blocks of docs/identity.md of one language, in order. */
async function blocksOf(language: string): Promise<string[]> {
  const page = await readFile(join(repositoryRoot, 'docs', 'identity.md'), 'utf8');
  return [...page.matchAll(new RegExp(`\`\`\`${language}(?: [^\\n]*)?\\n(.*?)\`\`\``, 'gs'))].map(
    ([, code]) => code ?? '',
  );
}

/** The line of the page that mints a token without a backend, and the one that listens with it. */
async function linesWithoutBackend(): Promise<string[]> {
  const page = await readFile(join(repositoryRoot, 'docs', 'identity.md'), 'utf8');
  const paragraph = /^Without a backend:.*$/m.exec(page)?.[0] ?? '';
  return [...paragraph.matchAll(/`([^`]+)`/g)].map(([, line]) => line ?? '');
}

/** What docs/identity.md shows, in the order in which a team follows it. */
export async function identityPage() {
  const [createKey = ''] = await blocksOf('sh');
  const [endpoint = '', page = ''] = await blocksOf('js');
  const [mintToken = '', listen = ''] = await linesWithoutBackend();
  return { createKey, endpoint, page, mintToken, listen };
}

/** Runs lines of a shell in a directory, where `npx holdfast` is that of this repository. */
export function runShell(
  directory: string,
  lines: string,
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const holdfast = `'${process.execPath}' '${join(repositoryRoot, 'apps', 'cli', 'bin', 'holdfast.js')}'`;
  const script = `cd "$1" || exit\n${lines.replaceAll('npx holdfast', holdfast)}`;
  return runCommand('sh', ['-c', script, 'sh', directory], { ...process.env, ...env });
}

interface Visitor {
  user: { id: string };
  body: unknown;
}
type Handler = (visitor: Visitor, response: { json: (value: object) => void }) => Promise<void>;

/**
 * Runs the code of a token endpoint, with what it takes of a web framework.
 * @param code adds one route to `app`, behind `requireLogin`
 * @param directory where its files are
 * @param login who is logged in; null: none
 */
export async function tokenEndpoint(
  code: string,
  directory: string,
  login: (request: IncomingMessage) => string | null,
): Promise<{ path: string; answer: RequestListener }> {
  const here = code
    .replace(/^import .*$/gm, '')
    .replaceAll("'web.jwk.json'", JSON.stringify(join(directory, 'web.jwk.json')));
  const jose = await import('jose');
  const routes: { path: string; handler: Handler }[] = [];
  const app = { post: (path: string, _login: unknown, handler: Handler) => routes.push({ path, handler }) };
  const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor as new (
    ...text: string[]
  ) => (...given: unknown[]) => Promise<void>;
  const run = new AsyncFunction('readFile', 'SignJWT', 'importJWK', 'app', 'requireLogin', here);
  await run(readFile, jose.SignJWT, jose.importJWK, app, null);
  const [route] = routes;
  if (route === undefined) throw new Error('the code adds no route');
  return {
    path: route.path,
    answer: (request, response) => {
      const id = login(request);
      const respond = (status: number, value: object) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(value));
      };
      if (id === null) {
        respond(401, {});
        return;
      }
      json(request)
        .then((body) => route.handler({ user: { id }, body }, { json: (value) => respond(200, value) }))
        .catch((error: unknown) => respond(500, { error: String(error) }));
    },
  };
}
