import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastInstallation } from '../../peers/holdfast-installation.ts';
import { topicName } from '../../peers/peer.ts';
import { memoryOf } from '../../machine.ts';
import type { Figures, Measure, Metric } from '../measure.ts';
import { type Attacker, atRate, percentile, whileAttacked } from './attack.ts';
import { edgeAttackers } from './edge-attackers.ts';

const MIB = 1024 * 1024;
const TOPIC = 1_000_001;
/** Handshakes are dearer than messages: a tenth as many. */
const MESSAGES_OF_HANDSHAKE = 10;
const LATE_MS = 15_000;
/** Until the sockets of the last attack are closed. */
const PAUSE_MS = 2000;

/** What a delivery and a handshake take at an edge, alone and beside each kind of hostile client. */
export const edgeHostile: Measure = {
  name: 'hostile-edge',
  title: 'A bystander at an edge beside hostile clients',
  about: ({ hostile: { rate, seconds } }) =>
    `one edge; ${rate} messages and ${rate / 10} handshakes a second for ${seconds} s, alone and then beside each kind of ` +
    'hostile client; from before the call that publishes to the arrival, and from the connection to the welcome',
  metrics: () => edgeAttackers.flatMap(metricsOf),
  onlyHoldfast: true,
  run: async (_peer, { amounts, log, signal }) => {
    await using installation = await HoldfastInstallation.start({ edges: 1, log });
    using bystander = await Bystander.connect(installation);
    const observe = () => bystander.observe(amounts.hostile);
    const mib = async () => (await memoryOf(installation.edges.map(({ pid }) => pid))).rss / MIB;
    // Compiles what is called.
    await observe();
    const figures: Figures = {};
    for (const attacker of edgeAttackers) {
      signal.throwIfAborted();
      const flood = await attacker.prepare(installation);
      const alone = await observe();
      const mibAlone = await mib();
      const beside = await whileAttacked(flood, observe);
      const { id, title } = attacker;
      figures[`${id}P99`] = beside.deliveryP99;
      figures[`${id}Ratio`] = beside.deliveryP99 / alone.deliveryP99;
      figures[`${id}Handshake`] = beside.handshakeP99;
      figures[`${id}Failed`] = beside.failed;
      figures[`${id}Rss`] = await mib();
      log(`${title}: alone ${inWords(alone)}, ${Math.round(mibAlone)} MiB; beside ${inWords(beside)}`);
      await delay(PAUSE_MS);
    }
    return figures;
  },
};

function metricsOf({ id, title }: Attacker): Metric[] {
  return [
    { id: `${id}P99`, title: `${title}: delivery p99`, unit: 'ms', better: 'less' },
    { id: `${id}Ratio`, title: 'of alone', unit: '×', better: 'less' },
    { id: `${id}Handshake`, title: 'handshake p99', unit: 'ms', better: 'less' },
    { id: `${id}Failed`, title: 'failed', unit: '', better: 'less' },
    { id: `${id}Rss`, title: 'memory of the edge', unit: 'MiB', better: 'less' },
  ];
}

/** In milliseconds, and how many messages and handshakes failed. */
interface EdgeTimes {
  deliveryP50: number;
  deliveryP99: number;
  handshakeP99: number;
  failed: number;
}

function inWords({ deliveryP50, deliveryP99, handshakeP99, failed }: EdgeTimes): string {
  const delivery = `delivery p50 ${deliveryP50.toFixed(1)} ms, p99 ${deliveryP99.toFixed(1)} ms`;
  return `${delivery}, handshake p99 ${handshakeP99.toFixed(1)} ms, ${failed} failed`;
}

/** A client that receives what is published, and one that connects and leaves, at an edge. */
class Bystander {
  readonly #installation: HoldfastInstallation;
  readonly #url: string;
  readonly #visitor: string;
  readonly #socket: WebSocket;
  readonly #sentAt = new Map<number, number>();
  #took: number[] = [];
  #messages = 0;

  private constructor(installation: HoldfastInstallation, url: string, visitor: string, socket: WebSocket) {
    this.#installation = installation;
    this.#url = url;
    this.#visitor = visitor;
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#onMessage(JSON.parse(String(data))));
  }

  static async connect(installation: HoldfastInstallation): Promise<Bystander> {
    const url = `ws://127.0.0.1:${installation.edgePorts[0]}/v1/connect?client=`;
    const [subscriber, visitor] = [randomUUID(), randomUUID()];
    await installation.createTopics([TOPIC]);
    await installation.register([
      { credential: subscriber, topics: [topicName(TOPIC)] },
      { credential: visitor, topics: [] },
    ]);
    const socket = new WebSocket(url + subscriber);
    await once(socket, 'open');
    return new Bystander(installation, url, visitor, socket);
  }

  async observe(amounts: { rate: number; seconds: number }): Promise<EdgeTimes> {
    this.#took = [];
    this.#sentAt.clear();
    const handshakes: number[] = [];
    const failed = await atRate(amounts, async (number) => {
      await this.#publish();
      if (number % MESSAGES_OF_HANDSHAKE === 0) handshakes.push(await this.#visit());
    });
    for (const giveUpAt = performance.now() + LATE_MS; this.#sentAt.size > 0 && performance.now() < giveUpAt;) {
      await delay(10);
    }
    return {
      deliveryP50: percentile(this.#took, 0.5),
      deliveryP99: percentile(this.#took, 0.99),
      handshakeP99: percentile(handshakes, 0.99),
      failed: failed + this.#sentAt.size,
    };
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }

  async #publish(): Promise<void> {
    const number = (this.#messages += 1);
    this.#sentAt.set(number, performance.now());
    await this.#installation.publish({ topic: TOPIC, data: String(number) });
  }

  #onMessage(frame: { type?: string; data?: number }): void {
    const sentAt = this.#sentAt.get(frame.data ?? 0);
    if (frame.type !== 'message' || frame.data === undefined || sentAt === undefined) return;
    this.#sentAt.delete(frame.data);
    this.#took.push(performance.now() - sentAt);
  }

  /** What it takes until a client that connects has its welcome, in milliseconds. */
  async #visit(): Promise<number> {
    const startedAt = performance.now();
    const socket = new WebSocket(this.#url + this.#visitor);
    try {
      await once(socket, 'message', { signal: AbortSignal.timeout(LATE_MS) });
      return performance.now() - startedAt;
    } finally {
      socket.close();
    }
  }
}
