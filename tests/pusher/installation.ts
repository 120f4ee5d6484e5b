import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createKey } from '@holdfast/keys-file/keys-file';
import { FULL_RIGHTS, type Installation, startInstallation } from '@holdfast/local/installation';
import { temporaryDirectory } from '../e2e/temporary-directory.ts';

/** What a team is given for its `.env`. */
export interface App {
  readonly appId: string;
  readonly key: string;
  readonly secret: string;
}

/** Of the app `changing`. */
export const PREVIOUS_SECRET = 'the-secret-before';

/** The apps of every installation here, by the id of their API key. */
const APPS = {
  main: { clientEvents: true, maxPresenceMembers: 100 },
  /** Its subscribers are sent how many they are. */
  counted: { subscriptionCount: true },
  /** As strict as an app can be. */
  strict: { clientEvents: false, maxEventBytes: 100, maxPresenceMembers: 2 },
  /** Its secret is being replaced. */
  changing: { previousSecret: PREVIOUS_SECRET },
} as const;

export type AppName = keyof typeof APPS;

/** Where to find an installation; can be given to another process. */
export interface DoorUrls {
  readonly controlUrl: string;
  readonly edgeUrls: readonly string[];
  /** An API key with full rights. */
  readonly key: string;
  readonly apps: Readonly<Record<AppName, App>>;
}

export interface Door extends AsyncDisposable {
  readonly installation: Installation;
  readonly urls: DoorUrls;
}

export interface DoorOptions {
  redis: { url: string };
  /** More variables of every service; may depend on the apps. */
  env?: Record<string, string> | ((apps: DoorUrls['apps']) => Promise<Record<string, string>>);
  edges?: number;
  controls?: number;
}

/** Starts an installation of two edges with the apps. `await using` it. */
export async function startDoor({ redis, env = {}, edges = 2, controls = 1 }: DoorOptions): Promise<Door> {
  await using started = new AsyncDisposableStack();
  const { keysFile, key, apps } = await createApps(started);
  const installation = await startInstallation({
    edges,
    controls,
    redis,
    env: typeof env === 'function' ? await env(apps) : env,
    keys: { keysFile, key },
    announce: () => undefined,
  });
  started.defer(installation.stop);
  const { controlUrl, edgeUrls } = installation;
  const running = started.move();
  return {
    installation,
    urls: { controlUrl, edgeUrls, key, apps },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Writes a file with the keys of all apps, and one with full rights. */
async function createApps(
  started: AsyncDisposableStack,
): Promise<{ keysFile: string; key: string; apps: Record<AppName, App> }> {
  const { path } = started.use(await temporaryDirectory());
  const keysFile = join(path, 'api-keys.json');
  const { presented: key } = await createKey(keysFile, { id: 'test', can: FULL_RIGHTS });
  const apps = {} as Record<AppName, App>;
  for (const [id, settings] of Object.entries(APPS)) {
    const app = { appId: `${id}-${random(3)}`, key: random(10), secret: random(10) };
    await createKey(keysFile, { id, pusher: { ...app, ...settings } });
    apps[id as AppName] = app;
  }
  return { keysFile, key, apps };
}

const random = (bytes: number): string => randomBytes(bytes).toString('hex');
