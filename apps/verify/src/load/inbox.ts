import { BEGINNING, type Position } from '@holdfast/protocol/position-order';
import type { Welcome } from '@holdfast/protocol/messages/welcome';
import type { Gap } from './checker.ts';
import { readDownText } from './down-text.ts';
import { FrameCache } from './frame-cache.ts';
import type { Histogram } from '@holdfast/harness/histogram';
import { monotonicMs } from '@holdfast/harness/clock';
import { digestOf, payloadOf } from './payload.ts';
import type { Reception } from './reception.ts';

export interface InboxOptions {
  run: string;
  /** All topics of the run, by index. */
  topicNames: readonly string[];
  /** Each client's topics, `topicsPerClient` slots one after the other. */
  topicOfSlot: Uint32Array;
  topicsPerClient: number;
  reception: Reception;
  latency: Histogram;
}

/** Enough to look for a cause with. */
const KEPT_UNEXPECTED = 20;

/** What a client received on a topic that is not its own, or that cannot be read at all. */
export interface Unexpected {
  client: number;
  topic: string;
  id: string;
}

interface KnownMessage {
  id: Position;
  topic: number;
  /** In the topic's journal. */
  number: number;
  sentAt: number | undefined;
}

/** Reads what the clients of one process receive, and books it. Clients are known by their index in this process. */
export class Inbox {
  readonly #options: InboxOptions;
  readonly #topicIndexes: Map<string, number>;
  readonly #cache = new FrameCache<KnownMessage>();
  /** Where each slot began. Many begin at the same position, which is kept once. */
  readonly #starts: Position[] = [];
  readonly #interned = new Map<Position, Position>();
  /** The first unexpected, and how many there were. */
  readonly unexpected: Unexpected[] = [];
  unexpectedCount = 0;
  deliveries = 0;
  lastDeliveryAt: number | null = null;

  constructor(options: InboxOptions) {
    this.#options = options;
    this.#topicIndexes = new Map(options.topicNames.map((name, index) => [name, index]));
  }

  /** Books one text frame; a welcome is given back. */
  take(client: number, bytes: Buffer, from: number, to: number): Welcome | undefined {
    const known = this.#cache.find(bytes, from, to);
    if (known !== undefined) {
      this.#deliver(client, known);
      return undefined;
    }
    const read = readDownText(bytes.toString('utf8', from, to));
    if (!read.ok) {
      this.#bookUnexpected({ client, topic: '(unreadable frame)', id: '' });
      return undefined;
    }
    const { frame, payloadText } = read;
    if (frame.type === 'welcome') return frame;
    if (frame.type === 'lost') {
      this.announceGap(client, frame.topic, { after: frame.after, upTo: frame.position });
    } else if (frame.type === 'message') {
      const topic = this.#topicIndexes.get(frame.topic);
      if (topic === undefined) {
        this.#receive();
        this.#bookUnexpected({ client, topic: frame.topic, id: frame.id });
        return undefined;
      }
      const number = this.#options.reception.numberOf(topic, frame.id, digestOf(payloadText));
      const message = { id: frame.id, topic, number, sentAt: payloadOf(frame.data, this.#options.run)?.sentAt };
      this.#cache.keep(bytes, from, to, message);
      this.#deliver(client, message);
    }
    return undefined;
  }

  /** Keeps where a client's first connection began, which is where it resumes from until something has arrived. */
  begin(client: number, welcome: Welcome): void {
    for (const slot of this.#slotsOf(client)) {
      const position = welcome.topics[this.#topicNameOf(slot)]?.position ?? BEGINNING;
      const interned = this.#interned.get(position) ?? position;
      this.#interned.set(position, interned);
      this.#starts[slot] = interned;
    }
  }

  /** The position that a client has reached on each of its topics. */
  positionsOf(client: number): Record<string, Position> {
    const { reception } = this.#options;
    return Object.fromEntries(
      this.#slotsOf(client).map((slot) => [
        this.#topicNameOf(slot),
        reception.lastId(slot) ?? this.#starts[slot] ?? BEGINNING,
      ]),
    );
  }

  announceGap(client: number, topic: string, gap: Gap): void {
    const slot = this.#slotOf(client, this.#topicIndexes.get(topic) ?? -1);
    if (slot !== undefined) this.#options.reception.announceGap(slot, gap);
  }

  #deliver(client: number, { id, topic, number, sentAt }: KnownMessage): void {
    const now = this.#receive();
    const slot = this.#slotOf(client, topic);
    if (slot === undefined) {
      this.#bookUnexpected({ client, topic: this.#options.topicNames[topic] ?? '', id });
      return;
    }
    this.#options.reception.record(slot, number);
    if (sentAt !== undefined) this.#options.latency.record((now - sentAt) * 1e6);
  }

  #bookUnexpected(unexpected: Unexpected): void {
    this.unexpectedCount += 1;
    if (this.unexpected.length < KEPT_UNEXPECTED) this.unexpected.push(unexpected);
  }

  #receive(): number {
    const now = monotonicMs();
    this.deliveries += 1;
    this.lastDeliveryAt = now;
    return now;
  }

  #slotOf(client: number, topic: number): number | undefined {
    const { topicOfSlot, topicsPerClient } = this.#options;
    const first = client * topicsPerClient;
    for (let slot = first; slot < first + topicsPerClient; slot += 1) {
      if (topicOfSlot[slot] === topic) return slot;
    }
    return undefined;
  }

  #slotsOf(client: number): number[] {
    const { topicsPerClient } = this.#options;
    return Array.from({ length: topicsPerClient }, (_, index) => client * topicsPerClient + index);
  }

  #topicNameOf(slot: number): string {
    const { topicNames, topicOfSlot } = this.#options;
    return topicNames[topicOfSlot[slot] ?? -1] ?? '';
  }
}
