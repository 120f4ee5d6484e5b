import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Child, ChildFailed, describeExit, spawnChild } from '@holdfast/local/child';
import { eventually } from '@holdfast/testkit/eventually';
import { expect } from 'vitest';
import { temporaryDirectory } from './temporary-directory.ts';

/** What it takes to make an example of `deploy/` run here: other addresses, and nothing else of it. */
export interface Example {
  readonly name: 'haproxy' | 'nginx';
  readonly file: string;
  /** The command line, for a configuration in a directory of its own. */
  readonly args: (configuration: string, directory: string) => readonly string[];
  /** What stands in the file for where it listens, and what for the time-out of an upgraded connection. */
  readonly listens: string;
  readonly tunnel: readonly string[];
  /** What a user who is not root has to change besides. */
  readonly changes: (directory: string) => readonly (readonly [string, string])[];
}

export const EXAMPLES: readonly Example[] = [
  {
    name: 'haproxy',
    file: 'deploy/haproxy/haproxy.cfg',
    args: (configuration) => ['-db', '-f', configuration],
    listens: 'bind :7701',
    tunnel: ['timeout tunnel 90s'],
    changes: () => [],
  },
  {
    name: 'nginx',
    file: 'deploy/nginx/nginx.conf',
    args: (configuration, directory) => ['-p', directory, '-c', configuration, '-g', 'daemon off;'],
    listens: 'listen 7701;',
    tunnel: ['proxy_read_timeout 90s', 'proxy_send_timeout 90s'],
    changes: (directory) => [
      ['pid /run/nginx.pid;', `pid ${directory}/nginx.pid;`],
      // Where a package keeps these is root's.
      [
        'http {\n',
        `http {\n${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `  ${name}_temp_path ${directory}/${name};\n`).join('')}`,
      ],
    ],
  },
];

const GRACE_MS = 5000;

export interface RunningBalancer extends AsyncDisposable {
  readonly url: string;
}

/**
 * Runs an example before two edges. `await using` it.
 * @param controls two control-apis for the Pusher door; nothing is there when they are not given
 * @param tunnelSeconds in place of the example's own time-out
 */
export async function startBalancer(
  example: Example,
  program: string,
  options: { port: number; edges: readonly string[]; controls?: readonly string[]; tunnelSeconds?: number },
): Promise<RunningBalancer> {
  const { port, edges, controls = [], tunnelSeconds } = options;
  await using started = new AsyncDisposableStack();
  const { path } = started.use(await temporaryDirectory());
  const [first = '', second = ''] = edges.map((url) => new URL(url).host);
  const changes = [
    [example.listens, example.listens.replace(':7701', `127.0.0.1:${port}`).replace(' 7701', ` 127.0.0.1:${port}`)],
    ['10.0.0.11:7701', first],
    ['10.0.0.12:7701', second],
    ...controls.map((url, index) => [`10.0.0.2${index + 1}:7700`, new URL(url).host]),
    ...(tunnelSeconds === undefined
      ? []
      : example.tunnel.map((line) => [line, line.replace('90s', `${tunnelSeconds}s`)])),
    ...example.changes(path),
  ] as const;
  const configuration = join(path, 'balancer.conf');
  await writeFile(
    configuration,
    changed(await readFile(new URL(`../../${example.file}`, import.meta.url), 'utf8'), changes),
  );
  const child = await spawnChild({
    command: program,
    args: example.args(configuration, path),
    env: { PATH: process.env['PATH'] },
    cleanUp: { script: 'kill -TERM "$1"' },
  });
  started.defer(async () => void (await child.stop(GRACE_MS)));
  await passesOn(child, example.name, `http://127.0.0.1:${port}`);
  const running = started.move();
  return { url: `ws://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

/** Each change has its place in the example, or the test would run something else than it says. */
function changed(text: string, changes: readonly (readonly [string, string] | readonly string[])[]): string {
  return changes.reduce((so, [from = '', to = '']) => {
    expect(so).toContain(from);
    return so.replaceAll(from, to);
  }, text);
}

/** Waits until an edge answers through it; rejects with what it printed when it ends. */
async function passesOn(child: Child, name: string, url: string): Promise<void> {
  const ended = child.exited.then((exit) => {
    throw new ChildFailed(`${name} ended at once (${describeExit(exit)})`, child.lines());
  });
  // An edge's answer to what is no WebSocket.
  const answers = eventually(async () => expect((await fetch(`${url}/v1/connect`)).status).toBe(426));
  await Promise.race([ended, answers]);
}
