import { readFile } from 'node:fs/promises';
import { GeneratorPool, type TargetOf, each } from '../generator-pool.ts';
import { HoldfastInstallation, clientIds } from '../peers/holdfast-installation.ts';
import { type PeerContext, topicName } from '../peers/peer.ts';
import { cpuSeconds } from '@holdfast/harness/cpu-time';
import { kernelMemory, memoryOf } from '../machine.ts';
import type { ScalePlan } from './command-line.ts';

/** The topic that all clients have; the topics with a share of the clients follow it. */
export const TOPIC_OF_ALL = 1;
/**
 * Handshakes under way, over all generators. With thousands, fifty edges on two cores answer so late that claims time
 * out, and then no client gets in any more.
 */
const IN_FLIGHT = 800;
/** A generator rests between two looks at its sockets: fifty that look a thousand times a second are a load of their own. */
export const PAUSE_MS = 5;
const PROGRESS_EVERY_MS = 5000;
/** Connections that end come back, and resume both topics from where they were. */
const SETTINGS = [
  ['path', '/v1/connect?client=%c'],
  ['again-path', '/v1/connect?client=%c&resume=1'],
  ['again-hello', '{"type":"resume","positions":{"%t":"%p","%u":"%q"}}'],
  ['ready', '"type":"welcome"'],
  ['position', '"id":"'],
  ['start-position', '"%t":{"position":"'],
  ['reconnect', '1'],
  ['backoff-ms', '250'],
  ['pause-us', String(PAUSE_MS * 1000)],
] as const;

/** Processes of a run by their kind, and a figure of each kind. */
type ByKind<T> = Record<'edges' | 'controls' | 'redis' | 'generators', T>;

/** In seconds. */
export type Cpu = ByKind<number>;

/** Where the machine's memory is, in bytes. */
export interface MemoryMap extends ByKind<number> {
  /** This process. */
  harness: number;
  /** Sockets of both ends and what belongs to them, and their buffers. */
  kernelObjects: number;
  kernelBuffers: number;
  available: number;
}

export interface SetupOptions extends PeerContext {
  plan: ScalePlan;
  signal: AbortSignal;
}

/** The installation, its clients, and the generators that hold them. */
export class Setup {
  readonly installation: HoldfastInstallation;
  readonly generators: GeneratorPool;
  readonly edgeCount: number;
  readonly #plan: ScalePlan;
  readonly #target: TargetOf;
  readonly #notCounted = new Set<number>();

  private constructor(
    installation: HoldfastInstallation,
    generators: GeneratorPool,
    plan: ScalePlan,
    target: TargetOf,
  ) {
    this.installation = installation;
    this.generators = generators;
    this.edgeCount = installation.edges.length;
    this.#plan = plan;
    this.#target = target;
  }

  static async start({ plan, directory, perProcess, log, signal }: SetupOptions): Promise<Setup> {
    await using started = new AsyncDisposableStack();
    const { connections, size, heartbeatSeconds } = plan;
    const generatorCount = Math.ceil(connections / perProcess);
    // One more than hold them all: when it dies, the others have room for its clients.
    const edges = generatorCount + 1;
    log(`Starting ${edges} edges`);
    const env = heartbeatSeconds === null ? {} : { EDGE_HEARTBEAT: `${heartbeatSeconds}s` };
    const installation = started.use(await HoldfastInstallation.start({ edges, env, log }));
    const target = targetOf(plan, installation.edgePorts);
    const inFlight = Math.max(1, Math.floor(IN_FLIGHT / generatorCount));
    const settings = [...SETTINGS, ['in-flight', String(inFlight)]] as const;
    const pool = { directory, settings, connections, target, perProcess, size, signal };
    const generators = await GeneratorPool.start(pool);
    started.move();
    return new Setup(installation, generators, plan, target);
  }

  /** Creates the topics and registers all clients. */
  async register(log: (line: string) => void): Promise<void> {
    const { connections, topics } = this.#plan;
    await this.installation.createTopics(Array.from({ length: topics + 1 }, (_, index) => TOPIC_OF_ALL + index));
    let registered = 0;
    let before = { at: performance.now(), registered };
    const timer = setInterval(() => {
      const now = { at: performance.now(), registered };
      const rate = Math.round(((now.registered - before.registered) / (now.at - before.at)) * 1000);
      before = now;
      log(
        `registered: ${registered.toLocaleString('en-US')} of ${connections.toLocaleString('en-US')}, ${rate} a second`,
      );
    }, PROGRESS_EVERY_MS);
    try {
      await this.installation.register(each(connections, this.#target), () => (registered += 1));
    } finally {
      clearInterval(timer);
    }
  }

  /** Publishes the next message of a topic, and expects it at its subscribers. */
  async publish(topic: number): Promise<void> {
    await this.installation.publish(this.generators.message(topic, topic === TOPIC_OF_ALL ? 0 : 1));
  }

  isClientOf(edge: number): (connection: number) => boolean {
    return (connection) => connection % this.edgeCount === edge;
  }

  /** Leaves an edge out of all figures from now on: after it was killed there are none of it. */
  leaveOut(edge: number): void {
    this.#notCounted.add(edge);
  }

  async cpu(): Promise<Cpu> {
    return this.#ofEachKind(cpuSeconds);
  }

  async memory(): Promise<MemoryMap> {
    const { slab, tcpBuffers } = await kernelMemory();
    const available = /^MemAvailable:\s+(\d+) kB$/m.exec(await readFile('/proc/meminfo', 'latin1'))?.[1];
    return {
      ...(await this.#ofEachKind(async (pids) => (await memoryOf(pids)).pss)),
      harness: process.memoryUsage.rss(),
      kernelObjects: slab,
      kernelBuffers: tcpBuffers,
      available: Number(available ?? Number.NaN) * 1024,
    };
  }

  async #ofEachKind(figure: (pids: readonly number[]) => Promise<number>): Promise<ByKind<number>> {
    const { edges, controlPids, redis } = this.installation;
    const counted = edges.filter((_, index) => !this.#notCounted.has(index));
    return {
      edges: await figure(counted.map(({ pid }) => pid)),
      controls: await figure(controlPids),
      redis: await figure([redis.pid]),
      generators: await figure(this.generators.pids),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.generators.end();
    await this.installation[Symbol.asyncDispose]();
  }
}

/** Each client has the topic of all and one with a share, and the port of its own edge and of another one. */
function targetOf({ topics }: ScalePlan, ports: readonly number[]): TargetOf {
  const credential = clientIds();
  const edges = ports.length;
  return (connection) => {
    const own = connection % edges;
    // Spread over all the others, should that one die.
    const other = (own + 1 + (Math.floor(connection / edges) % (edges - 1))) % edges;
    const share = TOPIC_OF_ALL + 1 + (Math.floor(connection / edges) % topics);
    return {
      ports: [ports[own] ?? 0, ports[other] ?? 0],
      credential: credential(connection),
      topics: [topicName(TOPIC_OF_ALL), topicName(share)],
      topicNumbers: [TOPIC_OF_ALL, share],
    };
  };
}
