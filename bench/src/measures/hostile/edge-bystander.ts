import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { HoldfastInstallation } from '../../peers/holdfast-installation.ts';
import { topicName } from '../../peers/peer.ts';

const TOPIC = 1_000_001;
/** Handshakes are dearer than messages: a tenth as many. */
const MESSAGES_OF_HANDSHAKE = 10;
const LATE_MS = 15_000;

/** How clients fare who do nothing wrong. In milliseconds. */
export interface EdgeFare {
  deliveryP50: number;
  deliveryP99: number;
  handshakeP99: number;
  /** Messages and handshakes that did not come about. */
  failed: number;
}

/** A client that receives what is published, and one that connects and goes, at an edge. */
export class EdgeBystander {
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

  static async join(installation: HoldfastInstallation, port: number): Promise<EdgeBystander> {
    const url = `ws://127.0.0.1:${port}/v1/connect?client=`;
    const [subscriber, visitor] = [randomUUID(), randomUUID()];
    await installation.createTopics([TOPIC]);
    await installation.register([
      { credential: subscriber, topics: [topicName(TOPIC)] },
      { credential: visitor, topics: [] },
    ]);
    const socket = new WebSocket(url + subscriber);
    await once(socket, 'open');
    return new EdgeBystander(installation, url, visitor, socket);
  }

  /** Publishes and connects at a rate of its own, whatever comes of it: what waits behind something slow is late, too. */
  async fare({ rate, seconds }: { rate: number; seconds: number }): Promise<EdgeFare> {
    this.#took = [];
    this.#sentAt.clear();
    const handshakes: number[] = [];
    let failed = 0;
    const startedAt = performance.now();
    await Promise.all(
      Array.from({ length: rate * seconds }, async (_, call) => {
        await delay(Math.max(0, startedAt + (call * 1000) / rate - performance.now()));
        try {
          await this.#publish();
          if (call % MESSAGES_OF_HANDSHAKE === 0) handshakes.push(await this.#visit());
        } catch {
          failed += 1;
        }
      }),
    );
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

  leave(): void {
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

  /** What it takes until a client that comes has its welcome, in milliseconds. */
  async #visit(): Promise<number> {
    const begunAt = performance.now();
    const socket = new WebSocket(this.#url + this.#visitor);
    try {
      await once(socket, 'message', { signal: AbortSignal.timeout(LATE_MS) });
      return performance.now() - begunAt;
    } finally {
      socket.close();
    }
  }
}

function percentile(took: number[], share: number): number {
  const sorted = took.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
