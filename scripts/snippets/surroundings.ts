import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Installation, startInstallation } from '@holdfast/local/installation';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { writeStateFile } from '@holdfast/local/state-file';
import type { Session } from './plan.ts';
import type { Surroundings } from './sessions.ts';

/** As `npm start`, whose addresses pages show. */
const EDGES = 2;
const SHOWN_CONTROL = /(?:127\.0\.0\.1|localhost):7700\b/g;
const SHOWN_EDGES = [/(?:127\.0\.0\.1|localhost):7701\b/g, /(?:127\.0\.0\.1|localhost):7702\b/g] as const;
const SHOWN_PREFIX = /\bhf:/g;
/** Those that `npm start` makes. */
const TOPICS = ['news.sport', 'news.weather', 'chat'];
/** A session that installs packages by itself begins with nothing; another finds ours installed. */
const INSTALLS = /\bnpm (install|i|init|create)\b/;
/** The most that a page of a list has. */
const LIMIT = 1000;
const KEPT_VARIABLES = ['LANG', 'TMPDIR', 'CHROMIUM', 'npm_config_registry'] as const;

/** npx starts npm to find a command that is here: half a second each time. */
const NPX = `#!/bin/sh
command="$(command -v "$1")" && [ -n "$command" ] && { shift; exec "$command" "$@"; }
exec "$REAL_NPX" "$@"
`;

export interface SessionsPlace extends AsyncDisposable {
  readonly surroundings: Surroundings;
  /** Makes the installation as `npm start` leaves it: three topics, no client, one key. */
  readonly reset: () => Promise<void>;
}

/** Starts an installation beside which sessions run, below a folder that has our packages. `await using` it. */
export async function startSurroundings(
  installed: string,
  tarballs: string,
  announce: (line: string) => void,
  redisUrl?: string,
): Promise<SessionsPlace> {
  const installation = await startInstallation({
    edges: EDGES,
    ...(redisUrl !== undefined && { redis: { url: redisUrl } }),
    announce,
  });
  const keys = join(installed, 'keys');
  await mkdir(keys, { recursive: true });
  await copyFile(installation.keysFile, join(keys, 'first.json'));
  const commands = join(installed, 'commands');
  await mkdir(commands, { recursive: true });
  await writeFile(join(commands, 'npx'), NPX, { mode: 0o755 });

  const { controlUrl, key, prefix, redisUrls } = installation;
  const path = `${commands}:${join(repositoryRoot, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`;
  const kept = Object.fromEntries(
    KEPT_VARIABLES.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
  );
  const env = {
    ...kept,
    PATH: path,
    HOME: join(installed, 'home'),
    REAL_NPX: join(repositoryRoot, 'node_modules/.bin/npx'),
    HOLDFAST_CONTROL_URL: controlUrl,
    HOLDFAST_KEY: key,
    API_KEYS_FILE: installation.keysFile,
    API: controlUrl,
    KEY: key,
    PACKAGES: tarballs,
    REDIS: redisUrls[0] ?? '',
    // Those of whoever runs this: the home of a session is empty.
    npm_config_cache: process.env['npm_config_cache'] ?? join(homedir(), '.npm'),
    npm_config_userconfig: process.env['npm_config_userconfig'] ?? join(homedir(), '.npmrc'),
    npm_config_prefer_offline: 'true',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
    NO_COLOR: '1',
  };
  await mkdir(env.HOME, { recursive: true });
  let count = 0;
  return {
    surroundings: {
      env,
      here: (text) =>
        SHOWN_EDGES.reduce(
          (all, shown, index) => all.replaceAll(shown, hostOf(installation.edgeUrls[index] ?? '')),
          text.replaceAll(SHOWN_CONTROL, hostOf(controlUrl)).replaceAll(SHOWN_PREFIX, prefix),
        ),
      folderOf: (session) => {
        const name = `${(count += 1)}-${session.name}`;
        return installs(session) ? join(`${installed}-empty`, name) : join(installed, 'sessions', name);
      },
      prepare: (folder) => prepare(folder, installation),
    },
    reset: () => reset(installation, join(keys, 'first.json')),
    [Symbol.asyncDispose]: installation.stop,
  };
}

function installs({ steps }: Session): boolean {
  return steps.some(({ kind, block }) => kind === 'run' && INSTALLS.test(block.code));
}

async function prepare(folder: string, { controlUrl, edgeUrls, key, keysFile }: Installation): Promise<void> {
  const stateFile = { controlUrl, edgeUrls: [...edgeUrls], key, keysFile, pid: process.pid };
  await writeStateFile(stateFile, folder);
  await writeFile(join(folder, '.holdfast/dev-key'), key);
}

async function reset({ controlUrl, key, keysFile }: Installation, first: string): Promise<void> {
  const call = async (method: string, path: string): Promise<unknown> => {
    const response = await fetch(`${controlUrl}${path}`, { method, headers: { 'x-api-key': key } });
    const text = await response.text();
    if (!response.ok && response.status !== 404) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
  const { clients } = (await call('GET', `/v1/clients?limit=${LIMIT}`)) as {
    clients: { clientId?: string; ref: string }[];
  };
  for (const { clientId, ref } of clients) await call('DELETE', `/v1/clients/${clientId ?? ref}`);
  const { topics } = (await call('GET', `/v1/topics?limit=${LIMIT}`)) as { topics: { topic: string }[] };
  for (const { topic } of topics) await call('DELETE', `/v1/topics/${topic}`);
  for (const topic of TOPICS) await call('PUT', `/v1/topics/${topic}`);
  await copyFile(first, keysFile);
}

function hostOf(url: string): string {
  return new URL(url).host;
}
