import { compiled } from './native.ts';
import { Crew, type Seen } from './crew.ts';
import type { Settings } from './generator.ts';
import { Stamper } from './message.ts';
import type { Layout, Message, Peer, Running, Surroundings } from './peers/peer.ts';
import { type KernelMemory, type Memory, cpuSeconds, kernelMemory, memoryOf } from './proc.ts';

/** A broadcast takes a fraction of a second; a peer that has lost one will not send it later. */
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
  otherMemory: Memory;
  kernel: KernelMemory;
  /** Nanoseconds of the machine's clock. */
  at: bigint;
}

/** A peer that runs, the generators before it, and the count of what went through. */
export class Session {
  readonly running: Running;
  readonly crew: Crew;
  readonly #stamper: Stamper;

  private constructor(running: Running, crew: Crew, size: number) {
    this.running = running;
    this.crew = crew;
    this.#stamper = new Stamper(size);
  }

  static async start(
    peer: Peer,
    layout: Layout,
    surroundings: Surroundings,
    options: { size: number; settings: Settings; signal: AbortSignal },
  ): Promise<Session> {
    const binary = await compiled('generator');
    const running = await peer.start(layout, surroundings);
    try {
      const { directory, perProcess } = surroundings;
      const { connections } = layout;
      const settings = [...running.settings, ['pause-us', PAUSE_US], ...options.settings] as const;
      const crew = await Crew.start({ binary, directory, settings, connections, target: running.target, perProcess });
      // Whoever waits for a delivery gets to know at once.
      options.signal.addEventListener('abort', () => crew.kill(), { once: true });
      if (options.signal.aborted) crew.kill();
      return new Session(running, crew, options.size);
    } catch (error) {
      await running.stop();
      throw error;
    }
  }

  /** Opens the connections, or a share of them, and waits until they are subscribed. */
  async open(share = 1): Promise<Seen> {
    return this.crew.open(share, OPENS_WITHIN_MS);
  }

  async usage(): Promise<Usage> {
    const { servers, others } = this.running;
    const [cpu, otherCpu, memory, otherMemory, kernel] = await Promise.all([
      cpuSeconds(servers),
      cpuSeconds(others.map(({ pid }) => pid)),
      memoryOf(servers),
      memoryOf(others.map(({ pid }) => pid)),
      kernelMemory(),
    ]);
    return { cpu, otherCpu, memory, otherMemory, kernel, at: process.hrtime.bigint() };
  }

  /** The next message of a topic, which its subscribers are to receive from now on. */
  message(topic: number, slot: 0 | 1 = 0): Message {
    this.crew.published(topic);
    return { topic, data: this.#stamper.next(topic, slot) };
  }

  /** Publishes one message and waits until all subscribers have it. Rejects when some do not get it. */
  async broadcast(topic: number): Promise<Seen> {
    await this.running.publish(this.message(topic));
    return this.arrived();
  }

  /** Publishes many messages at once and waits for them likewise. */
  async burst(topic: number, messages: number): Promise<Seen> {
    await this.running.publishAll(Array.from({ length: messages }, () => this.message(topic)));
    return this.arrived();
  }

  /** Waits until what was published has arrived. Rejects when something is missing, came twice or out of order. */
  async arrived(): Promise<Seen> {
    const seen = await this.crew.settled(ARRIVES_WITHIN_MS);
    const { received, lost, duplicated, malformed } = seen;
    const { expected } = this.crew;
    if (received !== expected || lost + duplicated + malformed > 0) {
      throw new Error(
        `${received} of ${expected} deliveries came (${lost} passed over, ${duplicated} twice or out of order, ` +
          `${malformed} malformed)`,
      );
    }
    return seen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.crew.end();
    await this.running.stop();
  }
}
