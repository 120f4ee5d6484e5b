import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Bucket } from '@holdfast/harness/histogram';

/** What a generator has counted, see native/generator/generator.h. Times are nanoseconds of the machine's clock. */
export interface Counters {
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

/** Settings of the protocol: names and values, as native/generator/generator.h lists them. */
export type Settings = readonly (readonly [name: string, value: string])[];

/** A process that holds connections. It ends when its standard input does, so it does not outlive this one. */
export class Generator {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #pending: PromiseWithResolvers<string>[] = [];
  #printed = '';
  #failure: Error | undefined;

  constructor(binary: string) {
    this.#child = spawn(binary, { stdio: 'pipe', env: {}, detached: true });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#pending.shift()?.resolve(line));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#printed += text));
    this.#child.stdin.on('error', (error) => this.#fail(error));
    this.#child.on('error', (error) => this.#fail(error));
    this.#child.on('close', (code, signal) =>
      this.#fail(new Error(`a generator ended (${signal ?? `exit code ${code}`})\n${this.#printed}`.trim())),
    );
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw this.#failure ?? new Error('the generator was not started');
    return this.#child.pid;
  }

  /** Sends a command of native/generator/commands.c; resolves when it is answered. */
  async command(line: string): Promise<void> {
    await this.#send(line);
  }

  /** Sends `report`, or a `wait`, which reports when it ends. */
  async report(line = 'report'): Promise<Counters> {
    return JSON.parse(await this.#send(line)) as Counters;
  }

  async end(): Promise<void> {
    if (this.#failure !== undefined) return;
    const closed = once(this.#child, 'close');
    this.#child.stdin.end();
    await closed;
  }

  /** Ends it at once, without waiting. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #send(line: string): Promise<string> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const answer = Promise.withResolvers<string>();
    this.#pending.push(answer);
    this.#child.stdin.write(`${line}\n`);
    return answer.promise;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const answer of this.#pending.splice(0)) answer.reject(this.#failure);
  }
}
