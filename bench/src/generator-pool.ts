import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { Histogram } from '@holdfast/harness/histogram';
import { type Counters, Generator, type Settings } from './generator.ts';
import { type Message, Stamper } from './message.ts';
import { compiled } from './native.ts';

/** As native/generator/opening.c has it: addresses that no two generators share. */
const CONNECTIONS_PER_SOURCE = 16;
/** As native/generator/commands.c has it: 64 buckets to each power of two of nanoseconds. */
const LATENCY_BITS = 6;

/** Where a connection goes, and the number of its topic in each slot. */
export interface Target {
  ports: readonly number[];
  credential: string;
  /** Names, as the protocol spells them. */
  topics: readonly string[];
  /** Numbers, as publishing counts them. */
  topicNumbers: readonly number[];
}

/** The target of a connection, by its number from 0; always the same. A million of them are not kept at once. */
export type TargetOf = (connection: number) => Target;

/** The targets of so many connections, one after the other. */
export function* each(connections: number, target: TargetOf): Iterable<Target> {
  for (let connection = 0; connection < connections; connection += 1) yield target(connection);
}

export interface PoolOptions {
  /** For the files of targets; the caller removes it. */
  directory: string;
  settings: Settings;
  connections: number;
  target: TargetOf;
  /** Connections that one process can hold. */
  perProcess: number;
  /** Bytes of a message. */
  size: number;
  /** Kills the generators when it is aborted, so that whatever waits for them rejects. */
  signal: AbortSignal;
}

interface Part {
  generator: Generator;
  /** The number of its first connection. */
  first: number;
  connections: number;
  /** How many of its connections have a topic. */
  subscribers: Map<number, number>;
  /** Deliveries of what was published since the last reset. */
  expected: number;
}

type Counts = Omit<Counters, 'latency'>;

/** The counters of all generators together. */
export interface Totals extends Counts {
  latencies: Histogram;
}

/** The generators, as many as the limit of descriptors demands. */
export class GeneratorPool {
  readonly #parts: Part[];
  readonly #stamper: Stamper;

  private constructor(parts: Part[], size: number) {
    this.#parts = parts;
    this.#stamper = new Stamper(size);
  }

  /** Starts them with their targets; nothing is opened yet. */
  static async start(options: PoolOptions): Promise<GeneratorPool> {
    const { directory, settings, connections, target, perProcess, signal } = options;
    const binary = await compiled('generator');
    const size = Math.ceil(connections / Math.ceil(connections / perProcess));
    const parts: Part[] = [];
    const pool = new GeneratorPool(parts, options.size);
    try {
      for (let first = 0; first < connections; first += size) {
        const count = Math.min(size, connections - first);
        const targets = Array.from({ length: count }, (_, index) => target(first + index));
        const generator = new Generator(binary);
        parts.push({ generator, first, connections: count, subscribers: subscribersOf(targets), expected: 0 });
        const file = join(directory, `targets-${generator.pid}`);
        await writeTargets(file, targets);
        await generator.command(`load ${file}`);
        const offset = (first / size) * Math.ceil(size / CONNECTIONS_PER_SOURCE);
        for (const [name, value] of settings) await generator.command(`set ${name} ${value}`);
        await generator.command(`set source-offset ${offset}`);
      }
    } catch (error) {
      pool.#kill();
      throw error;
    }
    signal.addEventListener('abort', () => pool.#kill(), { once: true });
    if (signal.aborted) pool.#kill();
    return pool;
  }

  get pids(): number[] {
    return this.#parts.map(({ generator }) => generator.pid);
  }

  /** Deliveries of what was published since the last reset. */
  get expected(): number {
    return this.#parts.reduce((all, { expected }) => all + expected, 0);
  }

  /** Opens connections up to a share of all, 1 for all, and waits until they are subscribed. Rejects if some are not. */
  async open(share: number, withinMs: number): Promise<void> {
    await this.startOpening(share);
    const wanted = ({ connections }: Part) => Math.floor(connections * share);
    const { ready, refused, failed } = await this.#wait('ready', wanted, withinMs);
    const least = this.#parts.reduce((all, part) => all + wanted(part), 0);
    if (ready >= least) return;
    throw new Error(
      `${ready} of ${least} connections stand after ${withinMs / 1000} s (${refused} refused, ${failed} failed)`,
    );
  }

  async startOpening(share: number): Promise<void> {
    await this.#command(({ connections }) => `open ${Math.floor(connections * share)}`);
  }

  /** Waits until all connections are ready, at most for so long. */
  async waitReady(withinMs: number): Promise<Totals> {
    return this.#wait('ready', ({ connections }) => connections, withinMs);
  }

  /** Waits until as many connections as are meant have become ready since the last reset, at most for so long. */
  async waitReturned(isMeant: (connection: number) => boolean, withinMs: number): Promise<Totals> {
    const meant = ({ first, connections }: Part) =>
      Array.from({ length: connections }, (_, index) => first + index).filter(isMeant).length;
    return this.#wait('readied', meant, withinMs);
  }

  /**
   * Waits until everything that was published was received, or (`accounted`) is known to be lost, at most for so long:
   * what is missing shows in the totals.
   */
  async waitDelivered(withinMs: number, what: 'received' | 'accounted' = 'received'): Promise<Totals> {
    return this.#wait(what, ({ expected }) => expected, withinMs);
  }

  /** The next message of a topic, whose subscribers are expected to receive it from now on. */
  message(topic: number, slot: 0 | 1 = 0): Message {
    for (const part of this.#parts) part.expected += part.subscribers.get(topic) ?? 0;
    return { topic, data: this.#stamper.next(topic, slot) };
  }

  async report(): Promise<Totals> {
    return totalOf(await Promise.all(this.#parts.map(({ generator }) => generator.report())));
  }

  /** Sets the counters to 0; which connections are ready, and which number comes next on each, stays. */
  async reset(): Promise<void> {
    for (const part of this.#parts) part.expected = 0;
    await this.#command(() => 'reset');
  }

  async end(): Promise<void> {
    await Promise.all(this.#parts.map(({ generator }) => generator.end()));
  }

  #kill(): void {
    for (const { generator } of this.#parts) generator.kill();
  }

  async #command(line: (part: Part) => string): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.generator.command(line(part))));
  }

  async #wait(what: string, count: (part: Part) => number, withinMs: number): Promise<Totals> {
    const reports = this.#parts.map((part) => part.generator.report(`wait ${what} ${count(part)} ${withinMs}`));
    return totalOf(await Promise.all(reports));
  }
}

function subscribersOf(targets: readonly Target[]): Map<number, number> {
  const subscribers = new Map<number, number>();
  for (const { topicNumbers } of targets) {
    for (const topic of topicNumbers) subscribers.set(topic, (subscribers.get(topic) ?? 0) + 1);
  }
  return subscribers;
}

/** A stream: a million lines are longer than one string should be. */
async function writeTargets(file: string, targets: readonly Target[]): Promise<void> {
  const stream = createWriteStream(file);
  for (const { ports, credential, topics } of targets) {
    stream.write(`${ports.join(',')}\t${[credential, ...topics].join('\t')}\n`);
  }
  stream.end();
  await finished(stream);
}

function totalOf(reports: readonly Counters[]): Totals {
  const latencies = new Histogram(LATENCY_BITS);
  for (const { latency } of reports) latencies.add(latency);
  return { ...reports.map(countsOf).reduce(sumOf), latencies };
}

function countsOf({ latency: _latency, ...counts }: Counters): Counts {
  return counts;
}

function sumOf(a: Counts, b: Counts): Counts {
  const sum = { ...a };
  for (const [name, count] of Object.entries(b)) sum[name as keyof Counts] += count;
  return { ...sum, readyAt: Math.max(a.readyAt, b.readyAt), receivedAt: Math.max(a.receivedAt, b.receivedAt) };
}
