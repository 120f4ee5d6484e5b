import type { LossEvents, TopicLoss } from '@holdfast/broker/broker';
import { INBOX_TOPIC } from '@holdfast/protocol/topic-name';
import { type Position, comparePositions } from '@holdfast/protocol/position-order';

/** Gathers what was announced to connections as lost, and writes it once a second, one event for each topic. */
export class Losses {
  readonly #edge: string;
  readonly #broker: LossEvents;
  /** By topic; those of inboxes by client. */
  readonly #gathered = new Map<string, TopicLoss>();

  constructor(edge: string, broker: LossEvents) {
    this.#edge = edge;
    this.#broker = broker;
  }

  /** A connection of the client gets a `lost`. */
  add(topic: string, clientId: string, after: Position, position: Position): void {
    if (!this.#broker.isLossWanted(topic)) return;
    this.#gather(
      topic === INBOX_TOPIC
        ? { topic, clientId, connections: 1, after, position }
        : { topic, connections: 1, after, position },
    );
  }

  /** Writes what was gathered. What Redis does not take is kept. */
  async write(): Promise<void> {
    if (this.#gathered.size === 0) return;
    const losses = [...this.#gathered.values()];
    this.#gathered.clear();
    for (const loss of await this.#broker.writeLosses(this.#edge, losses)) this.#gather(loss);
  }

  #gather(loss: TopicLoss): void {
    const key = loss.clientId === undefined ? loss.topic : `${loss.topic} ${loss.clientId}`;
    const known = this.#gathered.get(key);
    if (known === undefined) {
      this.#gathered.set(key, loss);
      return;
    }
    known.connections += loss.connections;
    if (comparePositions(loss.after, known.after) < 0) known.after = loss.after;
    if (comparePositions(loss.position, known.position) > 0) known.position = loss.position;
  }
}
