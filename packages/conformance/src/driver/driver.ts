import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

/** The first line that a driver reads: what its application knows. */
export interface DriverConfig {
  /** Of this line protocol. */
  readonly version: 1;
  /** Name of the scenario, for the driver's own log. */
  readonly scenario: string;
  /** Edges, and the client that is registered; absent with `tokens`. */
  readonly urls?: readonly string[];
  readonly clientId?: string;
  readonly controlUrl?: string;
  /** What the application gives out when it is asked for a token, one each time; after the last, none. */
  readonly tokens?: readonly string[];
  /** Topics whose presence the application looks at, from the first connection on. */
  readonly presence?: readonly string[];
}

export interface DriverHandlers {
  onLine: (line: string) => void;
  /** The program has ended; `why` has what it wrote to its standard error last. */
  onExit: (why: string) => void;
}

/** The last of what a program wrote to its standard error. */
const MAX_STDERR = 2000;

/** What runs, by process id: an exit of this process ends it. */
const running = new Set<number>();
process.on('exit', () => running.forEach(kill));

/** The program of an SDK, started for one scenario. */
export class Driver implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  #hasEnded = false;
  #stderr = '';

  constructor([program = '', ...args]: readonly string[], config: DriverConfig, handlers: DriverHandlers) {
    // In a group of its own: a shell, or npx, has children that have to end with it.
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    this.#child = child;
    if (child.pid !== undefined) running.add(child.pid);
    const ended = (why: string): void => {
      if (this.#hasEnded) return;
      this.#hasEnded = true;
      if (child.pid !== undefined) running.delete(child.pid);
      handlers.onExit(why);
    };
    child.on('error', (error) => ended(`could not be started: ${error.message}`));
    child.on('close', (code, signal) =>
      ended(`ended with ${signal ?? code}${this.#stderr && `: ${this.#stderr.trim()}`}`),
    );
    // A driver that has ended reads nothing: its exit is what counts.
    child.stdin.on('error', () => child.stdin.destroy());
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-MAX_STDERR);
    });
    readLines(child.stdout, handlers.onLine);
    this.send(config);
  }

  /** Writes one line. */
  send(value: object): void {
    this.#child.stdin.write(`${JSON.stringify(value)}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { pid } = this.#child;
    if (this.#hasEnded || pid === undefined) return;
    const closed = once(this.#child, 'close');
    kill(pid);
    await closed;
  }
}

/** `node:readline` would end a line at U+2028 as well, which JSON may have in a text. */
function readLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line.replace(/\r$/, ''));
  });
}

/** Ends a program and all that it has started. */
function kill(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
