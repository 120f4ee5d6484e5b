import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@holdfast/local/free-port';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { eventually } from '@holdfast/testkit/eventually';
import { prefix, redisUrl } from '@holdfast/testkit/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Image, buildImage } from './images/build.ts';
import { argumentsOf, readDockerfile, variablesOf } from './images/dockerfile.ts';

const USER = 1000;
const MIB = 1024 * 1024;
/** Of /app, and a tenth more than what was measured: what grows the images shows here. */
const MAX_MIB = { 'control-api': 50, 'socket-edge': 29 } as const;

const isRoot = process.getuid?.() === 0;
const folder = mkdtempSync(join(tmpdir(), 'holdfast-images-'));
const ends: (() => void)[] = [];
/** What a container is given that has a writable file of keys. */
const keys = join(folder, 'keys');
const keysFile = join(keys, 'api-keys.json');
/** A copy: the user of the images may not come to where this process has its own. */
const node = join(folder, 'node');
const images = {} as Record<keyof typeof MAX_MIB, Image>;

beforeAll(async () => {
  chmodSync(folder, 0o755);
  copyFileSync(process.execPath, node);
  mkdirSync(keys, { mode: 0o777 });
  chmodSync(keys, 0o777);
  const parts = Object.keys(MAX_MIB) as (keyof typeof MAX_MIB)[];
  await Promise.all(
    parts.map(async (part) => {
      const image = await buildImage(`apps/${part}/Dockerfile`, join(folder, part));
      // As the root file system of a container that is read-only, for a user who owns nothing there.
      execFileSync('chmod', ['-R', 'a-w,a+rX', image.app]);
      images[part] = image;
    }),
  );
});

afterAll(() => {
  for (const end of ends) end();
  execFileSync('chmod', ['-R', 'u+w', folder]);
  rmSync(folder, { recursive: true });
});

/** The environment of a container, and nothing of ours. */
function environment({ stage }: Image, given: Record<string, string>): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', ...variablesOf(stage), ...given };
}

/** The command line in the image of control-api. */
function holdfast(args: readonly string[], given: Record<string, string> = {}): string {
  const { app } = images['control-api'];
  return execFileSync(node, [join(app, 'apps/cli/bin/holdfast.js'), ...args], {
    cwd: app,
    env: environment(images['control-api'], { API_KEYS_FILE: keysFile, ...given }),
    encoding: 'utf8',
    ...(isRoot ? { uid: USER, gid: USER } : {}),
  });
}

function start(part: keyof typeof MAX_MIB, given: Record<string, string>): { printed: () => string } {
  const { app, stage } = images[part];
  const [, ...args] = argumentsOf(stage.instructions.findLast(({ name }) => name === 'CMD')?.text ?? '');
  const child = spawn(node, args, {
    cwd: app,
    env: environment(images[part], given),
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(isRoot ? { uid: USER, gid: USER } : {}),
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (printed += data.toString()));
  ends.push(() => child.kill('SIGKILL'));
  return { printed: () => printed };
}

/** What the image's own health check says. */
function isHealthy(part: keyof typeof MAX_MIB, given: Record<string, string>): boolean {
  const check = images[part].stage.instructions.find(({ name }) => name === 'HEALTHCHECK');
  const [, ...args] = argumentsOf(check?.text ?? '');
  try {
    execFileSync(node, args, { env: environment(images[part], given), stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('an image', () => {
  it.each(Object.entries(MAX_MIB))(
    'of %s has neither tests nor tools for development, and is small',
    (part, maxMib) => {
      const { app } = images[part as keyof typeof MAX_MIB];
      const own = readdirSync(app, { recursive: true, encoding: 'utf8' }).filter(
        (name) => !name.startsWith('node_modules'),
      );
      expect(own.filter((name) => /\.test\.ts$|\/testing(\/|$)|tsconfig\.json|Dockerfile/.test(name))).toEqual([]);
      const tools = ['typescript', 'vitest', 'vite', 'testcontainers', 'node', 'turbo'];
      expect(tools.filter((tool) => existsSync(join(app, 'node_modules', tool)))).toEqual([]);
      // Packages install into one folder: another one below a workspace would not be copied.
      expect(own.filter((name) => name.includes('node_modules'))).toEqual([]);
      const mib = bytesOf(app) / MIB;
      process.stdout.write(`${part}: ${mib.toFixed(1)} MiB in /app\n`);
      expect(mib).toBeLessThan(maxMib);
    },
  );

  it.each(Object.keys(MAX_MIB))('of %s is of one base, runs as a user by number, and says its version', (part) => {
    const stages = readDockerfile(join(repositoryRoot, `apps/${part}/Dockerfile`));
    const { instructions } = stages.at(-1) ?? { instructions: [] };
    const text = (instruction: string): string =>
      instructions
        .filter(({ name }) => name === instruction)
        .map((one) => one.text)
        .join('\n');
    expect(text('USER')).toBe('1000:1000');
    for (const label of ['title', 'licenses', 'version="${VERSION}"', 'revision="${REVISION}"', 'source="${SOURCE}"']) {
      expect(text('LABEL')).toContain(`org.opencontainers.image.${label}`);
    }
    // A label that differs in each build must not make other layers.
    expect(instructions.at(-1)?.name).toBe('LABEL');
  });

  it('has the command line: it makes a key, and both services start with it on a read-only file system', async () => {
    const made = JSON.parse(
      holdfast(['key', 'create', '--id', 'admin', '--register', '--subscribe', '**', '--manage', '**', '--json']),
    );
    const key = made.key as string;
    expect(key).toMatch(/^admin\./);

    const [control, admin, edge, edgeAdmin] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    const shared = { REDIS_URL: redisUrl(), REDIS_PREFIX: prefix() };
    const controlVariables = {
      ...shared,
      API_KEYS_FILE: keysFile,
      CONTROL_ALLOWED_ORIGINS: 'none',
      CONTROL_PORT: String(control),
      CONTROL_ADMIN_PORT: String(admin),
      CONSOLE: 'on',
    };
    const edgeVariables = {
      ...shared,
      EDGE_PORT: String(edge),
      EDGE_ADMIN_PORT: String(edgeAdmin),
      EDGE_ADVERTISE_URL: `ws://127.0.0.1:${edge}`,
      EDGE_MAX_CONNECTIONS: '1000',
    };
    expect(isHealthy('control-api', controlVariables)).toBe(false);
    const started = [start('control-api', controlVariables), start('socket-edge', edgeVariables)];
    for (const port of [admin, edgeAdmin]) {
      await eventually(
        async () => {
          const { status } = await fetch(`http://127.0.0.1:${port}/readyz`);
          expect({ status, printed: status === 200 ? [] : started.map(({ printed }) => printed()) }).toEqual({
            status: 200,
            printed: [],
          });
        },
        { timeoutMs: 30_000 },
      );
    }
    expect([isHealthy('control-api', controlVariables), isHealthy('socket-edge', edgeVariables)]).toEqual([true, true]);
    expect((await fetch(`http://127.0.0.1:${control}/console`)).status).toBe(200);

    const HOLDFAST_CONTROL_URL = `http://127.0.0.1:${control}`;
    const edges = holdfast(['edges', '--json'], { HOLDFAST_CONTROL_URL, HOLDFAST_KEY: key });
    expect(edges).toContain(`ws://127.0.0.1:${edge}`);
    // The command line remembers clients by name where it can write.
    const registered = holdfast(['register', '--name', 'me', '--json'], { HOLDFAST_CONTROL_URL, HOLDFAST_KEY: key });
    expect(registered).toContain('clientId');
  });
});

/** Of all files, each for itself; links count nothing. */
function bytesOf(path: string): number {
  const status = lstatSync(path);
  if (status.isFile()) return status.size;
  if (!status.isDirectory()) return 0;
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}
