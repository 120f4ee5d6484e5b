import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { Generator, type Settings, type Tally } from './generator.ts';
import { Latencies } from './latency.ts';

/** As native/generator/opening.c has it: addresses that no two generators share. */
const CONNECTIONS_PER_SOURCE = 16;

/** One connection to be: where to, and the number of its topic in each slot. */
export interface Target {
  ports: readonly number[];
  credential: string;
  /** Names, as the protocol spells them. */
  topics: readonly string[];
  /** Numbers, as publishing counts them. */
  topicNumbers: readonly number[];
}

export interface CrewOptions {
  binary: string;
  /** For the files of targets; the caller removes it. */
  directory: string;
  settings: Settings;
  connections: number;
  /** A function, for a million of them are not to be kept at once. */
  target: TargetOf;
  /** Connections that one process can hold. */
  perProcess: number;
}

/** The target of a connection, by its number from 0; always the same. */
export type TargetOf = (connection: number) => Target;

/** The targets of so many connections, one after the other. */
export function* each(connections: number, target: TargetOf): Iterable<Target> {
  for (let connection = 0; connection < connections; connection += 1) yield target(connection);
}

interface Part {
  generator: Generator;
  /** The number of its first connection. */
  first: number;
  connections: number;
  /** How many of its connections have a topic. */
  subscribers: Map<number, number>;
  /** Messages that are to come to it since the last reset. */
  expected: number;
}

/** What all generators have seen together. */
export interface Seen extends Omit<Tally, 'latency'> {
  latencies: Latencies;
}

/** The generators, as many as the limit of descriptors demands. */
export class Crew {
  readonly #parts: Part[];
  readonly connections: number;

  private constructor(parts: Part[]) {
    this.#parts = parts;
    this.connections = parts.reduce((all, { connections }) => all + connections, 0);
  }

  /** Starts them and tells them their targets; nothing is opened yet. */
  static async start({ binary, directory, settings, connections, target, perProcess }: CrewOptions): Promise<Crew> {
    const size = Math.ceil(connections / Math.ceil(connections / perProcess));
    const parts: Part[] = [];
    try {
      for (let first = 0; first < connections; first += size) {
        const count = Math.min(size, connections - first);
        const targets = Array.from({ length: count }, (_, index) => target(first + index));
        const generator = new Generator(binary);
        parts.push({ generator, first, connections: count, subscribers: subscribersOf(targets), expected: 0 });
        const file = join(directory, `targets-${generator.pid}`);
        await writeTargets(file, targets);
        const offset = String((first / size) * Math.ceil(size / CONNECTIONS_PER_SOURCE));
        await generator.load(file, [...settings, ['source-offset', offset]]);
      }
    } catch (error) {
      for (const { generator } of parts) generator.kill();
      throw error;
    }
    return new Crew(parts);
  }

  get pids(): number[] {
    return this.#parts.map(({ generator }) => generator.pid);
  }

  /** Opens connections up to a share of all, 1 for all, and waits until they are subscribed. Rejects if some are not. */
  async open(share: number, withinMs: number): Promise<Seen> {
    await this.beginToOpen(share);
    const wanted = this.#parts.map(({ connections }) => Math.floor(connections * share));
    const seen = await this.waitReady(wanted, withinMs);
    const least = wanted.reduce((all, number) => all + number, 0);
    if (seen.ready < least) {
      const { ready, refused, failed } = seen;
      throw new Error(
        `${ready} of ${least} connections stand after ${withinMs / 1000} s (${refused} refused, ${failed} failed)`,
      );
    }
    return seen;
  }

  async beginToOpen(share: number): Promise<void> {
    await Promise.all(this.#parts.map(({ generator, connections }) => generator.open(Math.floor(connections * share))));
  }

  /** Waits until so many of each generator are ready: by default all. */
  async waitReady(wanted: readonly number[] | undefined, withinMs: number): Promise<Seen> {
    return together(
      await Promise.all(
        this.#parts.map(({ generator, connections }, index) =>
          generator.wait('ready', wanted?.[index] ?? connections, withinMs),
        ),
      ),
    );
  }

  /** Says that so many messages were published to a topic: its subscribers are to receive them. */
  published(topic: number, messages = 1): void {
    for (const part of this.#parts) part.expected += (part.subscribers.get(topic) ?? 0) * messages;
  }

  /** How many deliveries are to come since the last reset. */
  get expected(): number {
    return this.#parts.reduce((all, { expected }) => all + expected, 0);
  }

  /** Waits until everything that was published has arrived, at most for so long; what is missing shows in the numbers. */
  async settled(withinMs: number, what: 'received' | 'accounted' = 'received'): Promise<Seen> {
    return together(
      await Promise.all(this.#parts.map(({ generator, expected }) => generator.wait(what, expected, withinMs))),
    );
  }

  /** Waits until as many connections as are meant have become ready since the last reset: those have come back. */
  async back(isMeant: (connection: number) => boolean, withinMs: number): Promise<Seen> {
    return together(
      await Promise.all(
        this.#parts.map(({ generator, first, connections }) => {
          const meant = Array.from({ length: connections }, (_, index) => first + index).filter(isMeant).length;
          return generator.wait('readied', meant, withinMs);
        }),
      ),
    );
  }

  async report(): Promise<Seen> {
    return together(await Promise.all(this.#parts.map(({ generator }) => generator.report())));
  }

  async reset(): Promise<void> {
    for (const part of this.#parts) part.expected = 0;
    await Promise.all(this.#parts.map(({ generator }) => generator.reset()));
  }

  async end(): Promise<void> {
    await Promise.all(this.#parts.map(({ generator }) => generator.end()));
  }

  kill(): void {
    for (const { generator } of this.#parts) generator.kill();
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

function together(tallies: readonly Tally[]): Seen {
  const latencies = new Latencies();
  const all: Seen = {
    opened: 0,
    refused: 0,
    failed: 0,
    ended: 0,
    ready: 0,
    readied: 0,
    readyAt: 0,
    received: 0,
    receivedAt: 0,
    lost: 0,
    duplicated: 0,
    malformed: 0,
    bytes: 0,
    latencies,
  };
  for (const { latency, readyAt, receivedAt, ...counts } of tallies) {
    latencies.add(latency);
    all.readyAt = Math.max(all.readyAt, readyAt);
    all.receivedAt = Math.max(all.receivedAt, receivedAt);
    for (const [name, count] of Object.entries(counts)) all[name as keyof typeof counts] += count;
  }
  return all;
}
