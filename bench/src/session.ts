import { GeneratorPool, type Totals } from './generator-pool.ts';
import type { Settings } from './generator.ts';
import type { Message } from './message.ts';
import type { Layout, Peer, PeerContext, Running } from './peers/peer.ts';
import { cpuSeconds } from '@holdfast/harness/cpu-time';
import { type KernelMemory, type Memory, kernelMemory, memoryOf } from './machine.ts';

/** A broadcast takes a fraction of a second; a peer that has lost one never sends it. */
const ARRIVES_WITHIN_MS = 20_000;
const OPENS_WITHIN_MS = 120_000;
/** How long a generator rests between two looks at its sockets: see native/generator/main.c. */
const PAUSE_US = '1000';

/** What had been used at a moment. */
export interface Usage {
  /** The processes that hold the connections, in seconds. */
  cpu: number;
  /** What a message passes through besides: Redis, control-api. */
  otherCpu: number;
  memory: Memory;
  kernel: KernelMemory;
  /** Nanoseconds of the machine's clock. */
  at: bigint;
}

/** What a delivery cost: microseconds of CPU, and bytes on the wire. */
export interface DeliveryCost {
  cpu: number;
  others: number;
  bytes: number;
  deliveries: number;
}

export interface SessionOptions {
  /** Bytes of a message. */
  size: number;
  settings: Settings;
  signal: AbortSignal;
}

/** A peer that runs, and the generators connected to it. */
export class Session {
  readonly running: Running;
  readonly generators: GeneratorPool;

  private constructor(running: Running, generators: GeneratorPool) {
    this.running = running;
    this.generators = generators;
  }

  static async start(peer: Peer, layout: Layout, context: PeerContext, options: SessionOptions) {
    const running = await peer.start(layout, context);
    try {
      const generators = await GeneratorPool.start({
        ...context,
        ...options,
        connections: layout.connections,
        target: running.target,
        settings: [...running.settings, ['pause-us', PAUSE_US], ...options.settings],
      });
      return new Session(running, generators);
    } catch (error) {
      await running.stop();
      throw error;
    }
  }

  /** Opens the connections, or a share of them, and waits until they are subscribed. */
  async open(share = 1): Promise<void> {
    await this.generators.open(share, OPENS_WITHIN_MS);
  }

  async usage(): Promise<Usage> {
    const { servers, others } = this.running;
    const [cpu, otherCpu, memory, kernel] = await Promise.all([
      cpuSeconds(servers),
      cpuSeconds(others),
      memoryOf(servers),
      kernelMemory(),
    ]);
    return { cpu, otherCpu, memory, kernel, at: process.hrtime.bigint() };
  }

  /** What a delivery costs while `work` is done, which is to await all deliveries. */
  async costOf(work: () => Promise<void>): Promise<DeliveryCost> {
    await this.generators.reset();
    const before = await this.usage();
    await work();
    const after = await this.usage();
    const { received, bytes } = await this.generators.report();
    return {
      cpu: ((after.cpu - before.cpu) / received) * 1e6,
      others: ((after.otherCpu - before.otherCpu) / received) * 1e6,
      bytes: bytes / received,
      deliveries: received,
    };
  }

  /** The next message of a topic, whose subscribers are expected to receive it from now on. */
  message(topic: number): Message {
    return this.generators.message(topic);
  }

  /** Publishes messages to a topic, each when all subscribers have the one before. Rejects when some do not get one. */
  async broadcast(topic: number, messages: number): Promise<void> {
    for (let count = 0; count < messages; count += 1) {
      await this.running.publish(this.message(topic));
      await this.arrived();
    }
  }

  /** Publishes many messages at once and waits for them likewise. */
  async burst(topic: number, messages: number): Promise<Totals> {
    await this.running.publishAll(Array.from({ length: messages }, () => this.message(topic)));
    return this.arrived();
  }

  /** Waits until what was published has arrived. Rejects when something is missing, came twice or out of order. */
  async arrived(): Promise<Totals> {
    const totals = await this.generators.waitDelivered(ARRIVES_WITHIN_MS);
    const { received, lost, duplicated, malformed } = totals;
    const { expected } = this.generators;
    if (received === expected && lost + duplicated + malformed === 0) return totals;
    throw new Error(
      `${received} of ${expected} deliveries came (${lost} passed over, ${duplicated} twice or out of order, ` +
        `${malformed} malformed)`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.generators.end();
    await this.running.stop();
  }
}
