import type { EdgeBroker } from '@holdfast/broker/broker';
import type { ClientState } from '@holdfast/broker/client-state';
import { closeCodes } from '@holdfast/protocol/close-codes';
import { type Position, comparePositions, laterOf } from '@holdfast/protocol/position-order';
import type { Connection } from './connection.ts';
import type { EndedSubscriptions } from './ended.ts';
import type { Feeds } from './feeds.ts';
import type { Openings } from './openings.ts';
import type { OwnTopic } from './own-topic.ts';
import type { Roster } from './roster.ts';
import { Subscription } from './subscription.ts';
import type { Tally } from './tally.ts';

/** Letters taken, and clients read, at a time. */
const AT_ONCE = 500;

export interface ReconcileWorld {
  edge: string;
  broker: EdgeBroker;
  roster: Roster;
  openings: Openings;
  feeds: Feeds;
  ownTopic: OwnTopic;
  ended: EndedSubscriptions;
  tally: Tally;
  onError: (error: unknown) => void;
}

/**
 * Makes connections match what Redis says of their clients: the one path for subscribe, unsubscribe, unregister,
 * disconnect, take-over and messages to a single client. A letter only says where to look; looking once too often
 * changes nothing.
 */
export class Reconciler {
  readonly #world: ReconcileWorld;
  /** Clients whose letters were taken but whose state could not be read. */
  readonly #unread = new Set<string>();
  /** Connections being changed; behind each the newest state that waits, if any. */
  readonly #applying = new Map<Connection, { state: ClientState | null } | null>();
  #looking = false;
  #lookAgain = false;

  constructor(world: ReconcileWorld) {
    this.#world = world;
  }

  /** There may be letters: looks soon, once, however often it rings until then. */
  ring(): void {
    if (this.#looking) this.#lookAgain = true;
    else this.look().catch(this.#world.onError);
  }

  /** Empties the letter box. Rejects when Redis does not answer; nothing is lost by that. */
  async look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const { broker, edge } = this.#world;
    try {
      do {
        this.#lookAgain = false;
        const letters = await broker.peekLetters(edge, AT_ONCE);
        // Noted before they are taken: the answer to that may get lost.
        for (const clientId of letters) this.#unread.add(clientId);
        await broker.takeLetters(edge, letters);
        await this.#readUnread();
        if (letters.length === AT_ONCE) this.#lookAgain = true;
      } while (this.#lookAgain);
    } finally {
      this.#looking = false;
    }
  }

  /** Looks at one client again. */
  again(clientId: string): void {
    this.#unread.add(clientId);
    this.ring();
  }

  /** Looks at every client of this edge: after letters may have been lost. Rejects when Redis does not answer. */
  async all(): Promise<void> {
    const clientIds = this.#world.roster.clientIds();
    for (let from = 0; from < clientIds.length; from += AT_ONCE) {
      await this.#reconcile(clientIds.slice(from, from + AT_ONCE), true);
    }
  }

  async #readUnread(): Promise<void> {
    const clientIds = [...this.#unread];
    this.#unread.clear();
    try {
      await this.#reconcile(clientIds, false);
    } catch (error) {
      for (const clientId of clientIds) this.#unread.add(clientId);
      throw error;
    }
  }

  async #reconcile(clientIds: readonly string[], sweep: boolean): Promise<void> {
    const { broker, roster, openings } = this.#world;
    const held: Connection[] = [];
    for (const clientId of clientIds) {
      // Also when there is a connection: the newer one, still being opened, will replace it.
      openings.onLetter(clientId);
      const connection = roster.get(clientId);
      if (connection) held.push(connection);
    }
    const states = await broker.readClients(held.map((connection) => connection.clientId));
    for (const [index, connection] of held.entries()) {
      // A connection that came meanwhile has read its client later than this.
      if (roster.get(connection.clientId) === connection) this.#apply(connection, states[index] ?? null, sweep);
    }
  }

  /** One at a time for each connection, in the order in which the states were read. */
  #apply(connection: Connection, state: ClientState | null, sweep: boolean): void {
    if (this.#applying.has(connection)) {
      this.#applying.set(connection, { state });
      return;
    }
    this.#applying.set(connection, null);
    this.#applyAll(connection, state, sweep).catch((error: unknown) => {
      this.#unread.add(connection.clientId);
      this.#world.onError(error);
    });
  }

  async #applyAll(connection: Connection, state: ClientState | null, sweep: boolean): Promise<void> {
    try {
      await this.#match(connection, state, sweep);
      for (let next = this.#applying.get(connection); next; next = this.#applying.get(connection)) {
        this.#applying.set(connection, null);
        await this.#match(connection, next.state, sweep);
      }
    } finally {
      // In the tick in which nothing more was found waiting: one that came in between would be forgotten.
      this.#applying.delete(connection);
    }
  }

  async #match(connection: Connection, state: ClientState | null, sweep: boolean): Promise<void> {
    if (connection.phase === 'closed') return;
    const client = state?.owner === null ? await this.#claimAgain(connection) : state;
    // Also when the id has been registered anew since: that is another client.
    if (client === null || client.registeredAt !== connection.registeredAt) {
      connection.close(closeCodes.unregistered);
      return;
    }
    const { edge, ownTopic, tally } = this.#world;
    if (client.owner?.edge !== edge) {
      connection.close(closeCodes.replaced);
      return;
    }
    // A newer connection of this edge, whose handshake is not done yet: it will replace this one itself.
    if (client.owner.connection !== connection.id) return;
    if (client.unwanted === connection.id) {
      connection.close(closeCodes.disconnected);
      return;
    }
    if (connection.phase === 'awaiting-resume') {
      // What it will be attached to: it must not be served by then what it has given up since.
      connection.awaiting = client;
      return;
    }
    if (connection.phase !== 'open') {
      connection.changedMeanwhile = true;
      return;
    }
    await this.#world.ended.deliver(connection, client.ended);
    const changed = await this.#matchTopics(connection, client);
    if (changed && sweep) tally.driftFound += 1;
    if (client.ownPosition !== connection.ownPosition) await ownTopic.deliver(connection);
  }

  /** Redis lost the claim (a fail-over, say): it is made again, unless somebody newer was faster. */
  async #claimAgain(connection: Connection): Promise<ClientState | null> {
    const { broker, edge } = this.#world;
    const outcome = await broker.claim(connection.clientId, edge, connection.id, { onlyIfUnowned: true });
    if (outcome.kind === 'unknown') return null;
    if (outcome.kind === 'owned') return outcome.client;
    return { ...outcome.client, owner: { edge, connection: connection.id } };
  }

  async #matchTopics(connection: Connection, client: ClientState): Promise<boolean> {
    let changed = false;
    for (const subscription of connection.subscriptions.values()) {
      const { topic } = subscription.feed;
      // Another beginning: it was left and taken up again, and what came between was not for this client.
      if (client.topics.get(topic) === subscription.begin) continue;
      connection.unsubscribe(subscription, 'requested');
      changed = true;
    }
    // All at once: one after the other, hundreds of topics would each wait for Redis.
    const missing = [...client.topics].filter(([topic]) => !connection.subscriptions.has(topic));
    const added = await Promise.all(missing.map(([topic, begin]) => this.#add(connection, topic, begin)));
    return changed || added.includes(true);
  }

  async #add(connection: Connection, topic: string, begin: Position): Promise<boolean> {
    const feed = this.#world.feeds.open(topic);
    try {
      // It may be a subscription to a deleted topic of the same name.
      if (!(await feed.ready) || comparePositions(begin, feed.born) < 0) return false;
      if (connection.phase !== 'open' || feed.state !== 'open') return false;
      const position = laterOf(begin, connection.leftAt(topic) ?? begin);
      connection.sendControl({ type: 'subscribed', topic, position });
      connection.subscribe(new Subscription(feed, connection, begin, position));
      return true;
    } finally {
      feed.release();
    }
  }
}
