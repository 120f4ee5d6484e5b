import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { exitCleanUp } from './exit-clean-up.ts';

/** Enough to show what led to a failure, without keeping the log of a long run. */
const KEPT_LINES = 200;
/** Output may still be in the pipe when a process has ended; a grandchild that holds the pipe must not hold us. */
const LAST_OUTPUT_MS = 500;

/** How a process ended: an exit code, or the signal that ended it. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Child {
  readonly pid: number;
  /** Resolves when the process has ended; never rejects. */
  readonly exited: Promise<Exit>;
  /** The last lines it printed, on either stream. */
  readonly lines: () => readonly string[];
  /** Calls back for every line from now on; gives back how to stop that. */
  readonly onLine: (listener: (line: string) => void) => () => void;
  /** False when the process is gone already. */
  readonly kill: (signal: NodeJS.Signals) => boolean;
  /** SIGTERM, and SIGKILL for what is still there after `graceMs`. Resolves when it is gone. */
  readonly stop: (graceMs: number) => Promise<Exit>;
}

interface ChildOptions {
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  /** A shell script that is run if we die before the child; `$1` is its pid, then `args`. */
  cleanUp: { script: string; args?: readonly string[] };
}

/**
 * Starts a process of ours, in a process group of its own: the Ctrl-C of a terminal reaches us alone, and we end our
 * children in order. Its output is read all the time, for a full pipe would block it. Rejects when it cannot be started.
 */
export async function spawnChild(options: ChildOptions): Promise<Child> {
  const child = spawn(options.command, options.args, {
    env: options.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const lines: string[] = [];
  const listeners = new Set<(line: string) => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
      for (const listener of listeners) listener(line);
    });
  }
  await once(child, 'spawn');
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${options.command} has no process id`);
  const revokeCleanUp = exitCleanUp(options.cleanUp.script, [String(pid), ...(options.cleanUp.args ?? [])]);
  child.once('exit', revokeCleanUp);

  return {
    pid,
    // Whoever hears of the end may ask for the output at once.
    exited: exited.then(async (exit) => {
      await Promise.race([closed, delay(LAST_OUTPUT_MS, undefined, { ref: false })]);
      return exit;
    }),
    lines: () => lines,
    onLine: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    kill: (signal) => child.kill(signal),
    stop: async (graceMs) => {
      child.kill('SIGTERM');
      // A process that was stopped (SIGSTOP) hears SIGTERM only when it goes on.
      child.kill('SIGCONT');
      const tooLate = setTimeout(() => child.kill('SIGKILL'), graceMs);
      const exit = await exited;
      clearTimeout(tooLate);
      return exit;
    },
  };
}

/** The child ended, or said nothing in time, before the line that was waited for. The message says what it printed. */
export class ChildFailed extends Error {
  /** What happened, in one line. */
  readonly summary: string;
  readonly lines: readonly string[];

  constructor(summary: string, lines: readonly string[]) {
    super(lines.length === 0 ? `${summary}, and printed nothing` : `${summary}. It printed:\n${lines.join('\n')}`);
    this.name = 'ChildFailed';
    this.summary = summary;
    this.lines = lines;
  }
}

/**
 * Waits for the first line of which `read` makes something, and gives that. Rejects with {@link ChildFailed} when the
 * child ends first, or when `timeoutMs` have passed; it is killed then.
 */
export async function lineOf<T>(
  child: Child,
  name: string,
  timeoutMs: number,
  read: (line: string) => T | undefined,
): Promise<T> {
  const found = Promise.withResolvers<T>();
  const look = (line: string) => {
    const value = read(line);
    if (value !== undefined) found.resolve(value);
  };
  const unlisten = child.onLine(look);
  for (const line of child.lines()) look(line);
  const timeout = new AbortController();
  try {
    return await Promise.race([
      found.promise,
      child.exited.then((exit) => {
        throw new ChildFailed(`${name} ended at once (${describeExit(exit)})`, child.lines());
      }),
      delay(timeoutMs, undefined, { signal: timeout.signal }).then(() => {
        child.kill('SIGKILL');
        throw new ChildFailed(`${name} was not ready after ${timeoutMs / 1000} s`, child.lines());
      }),
    ]);
  } finally {
    timeout.abort();
    unlisten();
  }
}

/** "exit code 1" or "signal SIGKILL", for messages. */
export function describeExit(exit: Exit): string {
  return exit.signal === null ? `exit code ${exit.code ?? 'unknown'}` : `signal ${exit.signal}`;
}
