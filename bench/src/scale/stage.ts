import { Crew, type TargetOf, each } from '../crew.ts';
import { Stamper } from '../message.ts';
import { compiled } from '../native.ts';
import { credentials } from '../peers/credentials.ts';
import { HoldfastInstallation } from '../peers/holdfast-installation.ts';
import { type Message, topicName } from '../peers/peer.ts';
import { cpuSeconds } from '../proc.ts';
import type { ScalePlan } from './command-line.ts';
import { type MemoryMap, type Processes, memoryMap } from './memory.ts';
import { sayProgress } from './progress.ts';
import type { Cpu } from './result.ts';

/** The topic of everybody; those with a share of them follow it. */
export const EVERYBODY = 1;
/**
 * Handshakes under way, over all generators. With thousands, fifty edges on two cores answer so late that claims time
 * out, and then nobody gets in any more.
 */
const IN_FLIGHT = 800;
/** A generator rests between two looks at its sockets: fifty that look a thousand times a second are a load of their own. */
export const PAUSE_MS = 5;
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

export interface StageOptions {
  plan: ScalePlan;
  directory: string;
  perProcess: number;
  say: (line: string) => void;
}

/** The installation, its clients, and the generators that hold them. */
export class Stage {
  readonly installation: HoldfastInstallation;
  readonly crew: Crew;
  readonly edgeCount: number;
  readonly #plan: ScalePlan;
  readonly #target: TargetOf;
  readonly #stamper: Stamper;
  readonly #condemned = new Set<number>();

  private constructor(installation: HoldfastInstallation, crew: Crew, plan: ScalePlan, target: TargetOf) {
    this.installation = installation;
    this.crew = crew;
    this.edgeCount = installation.edges.length;
    this.#plan = plan;
    this.#target = target;
    this.#stamper = new Stamper(plan.size);
  }

  static async start({ plan, directory, perProcess, say }: StageOptions): Promise<Stage> {
    await using started = new AsyncDisposableStack();
    // One more than hold them all: when it dies, the others have room for its clients.
    const edges = Math.ceil(plan.connections / perProcess) + 1;
    say(`Starting ${edges} edges`);
    const env = plan.heartbeatSeconds === null ? {} : { EDGE_HEARTBEAT: `${plan.heartbeatSeconds}s` };
    const installation = started.use(await HoldfastInstallation.start({ edges, env, say }));
    const target = targetOf(plan, installation.edgePorts);
    const inFlight = Math.max(1, Math.floor(IN_FLIGHT / Math.ceil(plan.connections / perProcess)));
    const crew = await Crew.start({
      binary: await compiled('generator'),
      directory,
      settings: [...SETTINGS, ['in-flight', String(inFlight)]],
      connections: plan.connections,
      target,
      perProcess,
    });
    started.move();
    return new Stage(installation, crew, plan, target);
  }

  /** Creates the topics and registers everybody. */
  async register(say: (line: string) => void): Promise<void> {
    const { connections, topics } = this.#plan;
    await this.installation.createTopics(Array.from({ length: topics + 1 }, (_, index) => EVERYBODY + index));
    let registered = 0;
    using cleanUp = new DisposableStack();
    cleanUp.use(sayProgress('registered', connections, () => registered, say));
    await this.installation.register(each(connections, this.#target), () => (registered += 1));
  }

  /** The next message to everybody, or to the topic of a share. */
  message(topic: number): Message {
    this.crew.published(topic);
    return { topic, data: this.#stamper.next(topic, topic === EVERYBODY ? 0 : 1) };
  }

  isClientOf(edge: number): (connection: number) => boolean {
    return (connection) => connection % this.edgeCount === edge;
  }

  /** From now on what an edge has used does not count any more: when it has died nobody can say. */
  condemn(edge: number): void {
    this.#condemned.add(edge);
  }

  async killEdge(edge: number): Promise<void> {
    await this.installation.kill(edge);
  }

  async cpu(): Promise<Cpu> {
    const { edges, controls, redis, generators } = this.#processes();
    return {
      edges: await cpuSeconds(edges),
      controls: await cpuSeconds(controls),
      redis: await cpuSeconds(redis),
      generators: await cpuSeconds(generators),
    };
  }

  async memory(): Promise<MemoryMap> {
    return memoryMap(this.#processes());
  }

  /** Those that live, and are going to. */
  #processes(): Processes {
    const { edges, helpers, redis } = this.installation;
    return {
      edges: edges.filter((_, index) => !this.#condemned.has(index)).map(({ pid }) => pid),
      controls: helpers.filter(({ name }) => name === 'control-api').map(({ pid }) => pid),
      redis: [redis.pid],
      generators: this.crew.pids,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.crew.end();
    await this.installation[Symbol.asyncDispose]();
  }
}

/** Everybody has the topic of all and one with a share, and an edge of his own beside which another one is named. */
function targetOf({ topics }: ScalePlan, ports: readonly number[]): TargetOf {
  const credential = credentials();
  const edges = ports.length;
  return (connection) => {
    const own = connection % edges;
    // Spread over all the others, should that one die.
    const other = (own + 1 + (Math.floor(connection / edges) % (edges - 1))) % edges;
    const share = EVERYBODY + 1 + (Math.floor(connection / edges) % topics);
    return {
      ports: [ports[own] ?? 0, ports[other] ?? 0],
      credential: credential(connection),
      topics: [topicName(EVERYBODY), topicName(share)],
      topicNumbers: [EVERYBODY, share],
    };
  };
}
