import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Bucket } from './latency.ts';

/** What a generator has seen, as native/generator/commands.c says it. Times are in nanoseconds of the machine's clock. */
export interface Tally {
  opened: number;
  refused: number;
  failed: number;
  ended: number;
  ready: number;
  readied: number;
  readyAt: number;
  received: number;
  receivedAt: number;
  lost: number;
  duplicated: number;
  malformed: number;
  bytes: number;
  latency: Bucket[];
}

/** Counts that can be waited for: `accounted` is what was received or is known to be lost. */
export type Awaitable = 'ready' | 'readied' | 'received' | 'accounted';

/** How a protocol is spoken: names and values, as native/generator/generator.h lists them. */
export type Settings = readonly (readonly [name: string, value: string])[];

/**
 * A process that holds connections. It is told a line and answers with a line. It ends when its standard input does, so
 * it does not outlive us, however we go.
 */
export class Generator {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #awaited: PromiseWithResolvers<string>[] = [];
  #complaints = '';
  #death: Error | undefined;

  constructor(binary: string) {
    this.#child = spawn(binary, { stdio: 'pipe', env: {}, detached: true });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#awaited.shift()?.resolve(line));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#complaints += text));
    this.#child.stdin.on('error', (error) => this.#die(error));
    this.#child.on('error', (error) => this.#die(error));
    this.#child.on('close', (code, signal) =>
      this.#die(new Error(`a generator ended (${signal ?? `exit code ${code}`})\n${this.#complaints}`.trim())),
    );
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw this.#death ?? new Error('the generator was not started');
    return this.#child.pid;
  }

  async load(file: string, settings: Settings): Promise<void> {
    await this.#say(`load ${file}`);
    for (const [name, value] of settings) await this.#say(`set ${name} ${value}`);
  }

  /** Begins to open connections, up to so many. */
  async open(count: number): Promise<void> {
    await this.#say(`open ${count}`);
  }

  /** Waits until there are so many, at most for so long; who asks looks at what it got. */
  async wait(what: Awaitable, count: number, ms: number): Promise<Tally> {
    return tally(await this.#say(`wait ${what} ${count} ${ms}`));
  }

  async report(): Promise<Tally> {
    return tally(await this.#say('report'));
  }

  /** Forgets what it has counted; which connections are ready, and what is expected next on each, stays. */
  async reset(): Promise<void> {
    await this.#say('reset');
  }

  async end(): Promise<void> {
    if (this.#death !== undefined) return;
    const closed = once(this.#child, 'close');
    this.#child.stdin.end();
    await closed;
  }

  /** At once; for when nobody will come to wait for it. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #say(line: string): Promise<string> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    const answer = Promise.withResolvers<string>();
    this.#awaited.push(answer);
    this.#child.stdin.write(`${line}\n`);
    return answer.promise;
  }

  #die(error: Error): void {
    this.#death ??= error;
    for (const answer of this.#awaited.splice(0)) answer.reject(this.#death);
  }
}

function tally(line: string): Tally {
  return JSON.parse(line) as Tally;
}
