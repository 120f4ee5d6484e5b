import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, type Exit, lineOf, spawnChild } from './child.ts';
import { repositoryRoot } from './repository-root.ts';

/** A service listens within a second; a machine that is busy with many of them takes longer. */
const LISTENING_MS = 60_000;
/** What a service may take to end beyond its drain time. */
const STOP_GRACE_MS = 10_000;
/** The default of EDGE_DRAIN_SECONDS. */
const DEFAULT_DRAIN_SECONDS = 30;
/** Should we die: SIGTERM as well, and SIGKILL for a service that does not end by it, within about a minute. */
const END_IN_ORDER = `
  kill -TERM "$1" || exit 0
  seconds=0
  while kill -0 "$1" && [ "$seconds" -lt 60 ]; do sleep 1; seconds=$((seconds + 1)); done
  kill -KILL "$1"`;
/** What a process needs of ours; all else comes from the caller, so that no variable of a shell changes a test. */
const KEPT_VARIABLES = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'NODE_EXTRA_CA_CERTS'] as const;

export type App = 'control-api' | 'socket-edge';

export interface StartServiceOptions {
  app: App;
  /** For messages; default: the app's. */
  name?: string;
  /** Its variables, as docs/operations.md lists them. */
  env: Readonly<Record<string, string | undefined>>;
  /** Takes every line it prints, on either stream, from the first. */
  onLine?: (line: string) => void;
}

interface StartProgramOptions extends StartServiceOptions {
  program: string;
  flags?: readonly string[];
}

/** A service in a process of its own, that may be hurt, and started again as it was. */
export class Service {
  readonly name: string;
  readonly app: App;
  /** Where it listens, through all its lives: `http://127.0.0.1:7700`. */
  readonly url: string;
  readonly #options: StartProgramOptions;
  #child: Child;

  private constructor(options: StartProgramOptions, child: Child, url: string) {
    this.name = options.name ?? options.app;
    this.app = options.app;
    this.url = url;
    this.#child = child;
    // The same port, so that its address stays good.
    const port = options.app === 'socket-edge' ? 'EDGE_PORT' : 'CONTROL_PORT';
    this.#options = { ...options, env: { ...options.env, [port]: new URL(url).port } };
  }

  /** See {@link startService}; with the program named, for tests. */
  static async start(options: StartProgramOptions): Promise<Service> {
    const { child, url } = await listening(options);
    return new Service(options, child, url);
  }

  get pid(): number {
    return this.#child.pid;
  }

  get exited(): Promise<Exit> {
    return this.#child.exited;
  }

  /** The last lines it printed. */
  lines(): readonly string[] {
    return this.#child.lines();
  }

  /** False when it has ended. */
  kill(signal: NodeJS.Signals): boolean {
    return this.#child.kill(signal);
  }

  /** SIGKILL; resolves when it has ended. */
  async crash(): Promise<void> {
    this.kill('SIGKILL');
    await this.exited;
  }

  freeze(): void {
    this.kill('SIGSTOP');
  }

  thaw(): void {
    this.kill('SIGCONT');
  }

  /** Starts it, after it has ended; with other variables if some are given. Rejects with `ChildFailed`. */
  async startAgain(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const { child } = await listening({ ...this.#options, env: { ...this.#options.env, ...env } });
    this.#child = child;
  }

  /** SIGTERM, then SIGKILL for a service that outlasts its drain time by 10 s. Resolves when it is gone. */
  stop(): Promise<Exit> {
    const { app, env } = this.#options;
    // An edge that listens has read it as a number.
    const drainSeconds = app === 'socket-edge' ? Number(env['EDGE_DRAIN_SECONDS'] || DEFAULT_DRAIN_SECONDS) : 0;
    return this.#child.stop(drainSeconds * 1000 + STOP_GRACE_MS);
  }
}

/**
 * Starts a service in a process of its own and waits until it listens. Rejects with `ChildFailed`, which holds what it
 * printed, when it ends first. Should this process die, the service gets a SIGTERM.
 */
export function startService(options: StartServiceOptions): Promise<Service> {
  const program = join(repositoryRoot, 'apps', options.app, 'src/main.ts');
  return Service.start({ ...options, program, flags: flagsOf(options.app) });
}

/** The flags of Node that people start a service with, by the script of its name. */
function flagsOf(app: App): string[] {
  const { scripts } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as {
    scripts: Record<App, string>;
  };
  return scripts[app].split(' ').filter((word) => word.startsWith('--'));
}

async function listening({ app, program, flags = [], env, onLine }: StartProgramOptions) {
  const kept = Object.fromEntries(KEPT_VARIABLES.map((variable) => [variable, process.env[variable]]));
  const child = await spawnChild({
    command: process.execPath,
    args: [...flags, program],
    env: { ...kept, ...env, LOG_LEVEL: audible(env['LOG_LEVEL']) },
    cleanUp: { script: END_IN_ORDER },
  });
  if (onLine !== undefined) child.onLine(onLine);
  return { child, url: await lineOf(child, app, LISTENING_MS, addressIn) };
}

/** A level at which the service still says that it listens, which is how we know. */
function audible(level: string | undefined): string {
  return level === 'debug' || level === 'trace' ? level : 'info';
}

/** The address in the log line by which a service says that it listens. */
function addressIn(line: string): string | undefined {
  const entry = logEntry(line);
  if (entry?.['msg'] !== 'listening') return undefined;
  const address = entry['address'];
  return typeof address === 'string' ? address : undefined;
}

/** The fields of a JSON log line; undefined for anything else a process prints. */
export function logEntry(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return { ...(JSON.parse(line) as object) };
  } catch (error) {
    // A line cut off by the end of a process.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
