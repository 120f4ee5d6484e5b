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
  /** Its variables, as docs/operations.md lists them. */
  env: Readonly<Record<string, string | undefined>>;
  /** Takes every line it prints, on either stream, from the first. */
  onLine?: (line: string) => void;
}

export interface ServiceHandle {
  readonly app: App;
  readonly pid: number;
  /** Where it listens: `http://127.0.0.1:7700`. */
  readonly url: string;
  readonly exited: Promise<Exit>;
  /** The last lines it printed. */
  readonly lines: () => readonly string[];
  readonly kill: (signal: NodeJS.Signals) => boolean;
  /** SIGTERM, then SIGKILL for a service that outlasts its drain time by 10 s. Resolves when it is gone. */
  readonly stop: () => Promise<Exit>;
}

/**
 * Starts a service in a process of its own and waits until it listens. Rejects with `ChildFailed`, which holds what it
 * printed, when it ends first. Should this process die, the service gets a SIGTERM.
 */
export function startService({ app, env, onLine }: StartServiceOptions): Promise<ServiceHandle> {
  const program = join(repositoryRoot, 'apps', app, 'src/main.ts');
  return startProgram({ app, program, flags: flagsOf(app), env, onLine });
}

/** The flags of Node that people start a service with, by the script of its name. */
function flagsOf(app: App): string[] {
  const { scripts } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as {
    scripts: Record<App, string>;
  };
  return scripts[app].split(' ').filter((word) => word.startsWith('--'));
}

interface StartProgramOptions {
  app: App;
  program: string;
  flags?: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  onLine: ((line: string) => void) | undefined;
}

/** {@link startService} with the program named, for its tests. */
export async function startProgram({
  app,
  program,
  flags = [],
  env,
  onLine,
}: StartProgramOptions): Promise<ServiceHandle> {
  const kept = Object.fromEntries(KEPT_VARIABLES.map((name) => [name, process.env[name]]));
  const child: Child = await spawnChild({
    command: process.execPath,
    args: [...flags, program],
    env: { ...kept, ...env, LOG_LEVEL: audible(env['LOG_LEVEL']) },
    will: { script: END_IN_ORDER },
  });
  if (onLine !== undefined) child.onLine(onLine);
  const url = await lineOf(child, app, LISTENING_MS, addressIn);
  // An edge that listens has read it as a number.
  const drainSeconds = app === 'socket-edge' ? Number(env['EDGE_DRAIN_SECONDS'] || DEFAULT_DRAIN_SECONDS) : 0;
  return {
    app,
    pid: child.pid,
    url,
    exited: child.exited,
    lines: child.lines,
    kill: child.kill,
    stop: () => child.stop(drainSeconds * 1000 + STOP_GRACE_MS),
  };
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
