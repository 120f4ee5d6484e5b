import type { ClaimOutcome, ClaimedState, EdgeBroker } from '@holdfast/broker/broker';
import { type ClientState, type SubscriptionStart, parseStart } from '@holdfast/broker/client-state';
import { PENDING_SECONDS } from '@holdfast/broker/wake-ups';
import { closeCodes } from '@holdfast/protocol/close-codes';
import { comparePositions, laterOf } from '@holdfast/protocol/position-order';
import type { ClosedRanges } from './closed-ranges.ts';
import type { Connection } from '../connection/connection.ts';
import type { Topics } from '../topic/topics.ts';
import type { Freshness } from './freshness.ts';
import type { Inbox } from '../topic/inbox.ts';
import type { PendingHandshakes } from '../connection/claim.ts';
import type { ConnectionRegistry } from '../connection/registry.ts';
import { Subscription } from '../topic/subscription.ts';
import type { Counters } from '../counters.ts';
import type { Topic } from '../topic/topic.ts';

/** Changed clients read at a time. */
const MAX_BATCH = 500;
/** An edge that did not look for so long may find its dirty set gone. */
const FORGOTTEN_MS = (PENDING_SECONDS * 1000) / 2;
/** In so long every connection is compared with Redis once, whether or not anything was notified. */
const WALK_MS = 25_000;

export interface ReconcileDeps {
  edge: string;
  broker: EdgeBroker;
  registry: ConnectionRegistry;
  pending: PendingHandshakes;
  topics: Topics;
  inbox: Inbox;
  closedRanges: ClosedRanges;
  freshness: Freshness;
  counters: Counters;
  onError: (error: unknown) => void;
}

/** A state that a connection is to be made to match. */
interface ReadState extends ClaimedState {
  read: number;
}

/**
 * Makes connections match what Redis has of their clients: the one path for subscribe, unsubscribe, unregister, disconnect,
 * take-over and messages to a single client. A wake-up names a client whose state has changed; a steady walk over all
 * connections finds whatever was not notified. Reading is claiming: Redis answers only what differs, and a client that it
 * believes to have an older owner, or none, becomes the connection's again.
 */
export class Reconciler {
  readonly #deps: ReconcileDeps;
  /** Clients whose state has to be read: noted before they are acknowledged, and until they have been read. */
  readonly #unread = new Set<string>();
  /** Connections being changed; behind each the newest state that waits, if any. */
  readonly #applying = new Map<Connection, ReadState | null>();
  #reads = 0;
  #reading = false;
  #readAgain = false;
  #walkedAt = performance.now();
  #lookedAt = performance.now();

  constructor(deps: ReconcileDeps) {
    this.#deps = deps;
  }

  /** Numbers a read of a client's state that begins now. */
  nextRead(): number {
    this.#reads += 1;
    return this.#reads;
  }

  /** Something may have changed: reads it soon, once, however often it is called until then. */
  wake(): void {
    if (this.#reading) this.#readAgain = true;
    else this.readPending().catch(this.#deps.onError);
  }

  /** Has one client read again. */
  reread(clientId: string): void {
    this.#unread.add(clientId);
    this.wake();
  }

  /** The same, whatever state its connection has. */
  reapply(connection: Connection): void {
    connection.digest = 0;
    this.reread(connection.clientId);
  }

  /** Has every client compared, after wake-ups may have been lost; until then no messages are sent. */
  compareAll(): void {
    this.#deps.freshness.expire();
    this.#markAllUnread();
    this.wake();
  }

  /** Reads and applies everything that was notified. Rejects when Redis does not answer; nothing is lost by that. */
  async readPending(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    const { broker, edge, pending, freshness } = this.#deps;
    try {
      do {
        this.#readAgain = false;
        const since = performance.now();
        if (since - this.#lookedAt > FORGOTTEN_MS) this.#markAllUnread();
        const clientIds = await broker.readPending(edge, MAX_BATCH);
        for (const clientId of clientIds) {
          this.#unread.add(clientId);
          pending.onChange(clientId);
        }
        await broker.acknowledge(edge, clientIds);
        await this.#readUnread();
        this.#lookedAt = since;
        if (clientIds.length < MAX_BATCH) freshness.update(since);
        else this.#readAgain = true;
      } while (this.#readAgain);
    } finally {
      this.#reading = false;
    }
  }

  /** Compares the connections whose turn it is. Rejects when Redis does not answer; the next round comes by again. */
  async walk(): Promise<void> {
    const { registry, counters } = this.#deps;
    const now = performance.now();
    const due = Math.ceil((registry.size * (now - this.#walkedAt)) / WALK_MS);
    this.#walkedAt = now;
    await Promise.all(
      registry.walk(due).map(async (connection) => {
        if (await this.#compare(connection)) counters.driftFound += 1;
      }),
    );
  }

  /** Claims a client that had another owner, for a new connection that is open by now. */
  takeOver(connection: Connection): void {
    connection.suspend();
    this.#compare(connection).catch((error: unknown) => {
      this.#unread.add(connection.clientId);
      this.#deps.onError(error);
    });
  }

  #markAllUnread(): void {
    for (const clientId of this.#deps.registry.clientIds()) this.#unread.add(clientId);
  }

  /** A client that cannot be read is sent no messages until it is: on a Cluster one node may be away. */
  async #readUnread(): Promise<void> {
    const clientIds = [...this.#unread];
    for (let from = 0; from < clientIds.length; from += MAX_BATCH) {
      const batch = clientIds.slice(from, from + MAX_BATCH);
      for (const clientId of batch) this.#unread.delete(clientId);
      await Promise.all(
        batch.map((clientId) =>
          this.#read(clientId).catch((error: unknown) => {
            this.#unread.add(clientId);
            this.#deps.registry.get(clientId)?.suspend();
            this.#deps.onError(error);
          }),
        ),
      );
    }
  }

  async #read(clientId: string): Promise<void> {
    const { broker, edge, registry, pending } = this.#deps;
    const connection = registry.get(clientId);
    if (connection !== undefined) await this.#compare(connection);
    // A claim whose answer got lost, or a release that did, made this edge the owner of a client that it does not have.
    else if (!pending.has(clientId)) await broker.release(clientId, edge, 0);
  }

  /** Reads a client's state if it differs, and applies it. Gives whether the connection served anything else. */
  async #compare(connection: Connection): Promise<boolean> {
    const { broker, edge } = this.#deps;
    const { clientId, generation, incarnation, digest } = connection;
    const read = this.nextRead();
    const outcome = await broker.claim({ clientId, edge, generation, incarnation, digest });
    return this.#accept(connection, outcome, read);
  }

  #accept(connection: Connection, outcome: ClaimOutcome, read: number): boolean {
    const { pending } = this.#deps;
    // Also when a newer connection of this edge has replaced it.
    if (connection.phase === 'closed') return false;
    // Older than what has been applied.
    if (read < connection.stateRead) return false;
    connection.stateRead = read;
    if (outcome.kind === 'unchanged') {
      connection.forgetLeft(read);
      if (connection.resume()) this.#deliverInbox(connection);
      return false;
    }
    if (outcome.kind === 'not-found') {
      connection.close(closeCodes.unregistered);
      return true;
    }
    if (outcome.kind === 'owned-by-other') {
      // The newer one may be a handshake of this edge, which closes this connection when it succeeds.
      if (!pending.has(connection.clientId)) connection.close(closeCodes.replaced);
      return true;
    }
    const changed = this.#apply(connection, { ...outcome, read });
    // Not before it is off the topics that it has left.
    if (connection.resume()) this.#deliverInbox(connection);
    return changed;
  }

  /** One at a time for each connection, the newest state last. Gives whether the connection served anything else. */
  #apply(connection: Connection, state: ReadState): boolean {
    if (this.#own(connection, state.client, state.generation)) return true;
    if (connection.phase !== 'open') {
      this.#keep(connection, state);
      return false;
    }
    if (this.#applying.has(connection)) {
      this.#applying.set(connection, state);
      return this.#unsubscribe(connection, state.client);
    }
    const { topics, closed } = state.client;
    if (closed.size > 0) {
      this.#applying.set(connection, null);
      // Off the others: those with a closed range get what it lacks first.
      this.#unsubscribe(connection, { topics, closed }, true);
      this.#deliverClosed(connection, state).catch((error: unknown) => {
        this.#deps.onError(error);
        this.reapply(connection);
      });
      return true;
    }
    const changed = this.#match(connection, state.client);
    connection.digest = state.digest;
    connection.forgetLeft(state.read);
    return changed;
  }

  /** The connection owns the client by this claim. True when it is to be closed all the same. */
  #own(connection: Connection, client: ClientState, generation: number): boolean {
    const { broker, edge, onError } = this.#deps;
    const wasOwner = client.owner?.generation === generation;
    const isDisconnected = client.disconnectUpTo >= connection.generation;
    connection.generation = generation;
    const others = client.notify.filter((other) => other !== edge);
    // Whoever had the client closes its connection sooner so; it finds out by its own walk otherwise.
    if (!wasOwner && others.length > 0) broker.notify(others, client.clientId).catch(onError);
    if (isDisconnected) connection.close(closeCodes.disconnected);
    return isDisconnected;
  }

  /** The welcome is not out yet. */
  #keep(connection: Connection, { client, digest }: ReadState): void {
    if (connection.phase === 'awaiting-resume' && connection.awaiting !== null) {
      // What it will be attached to: it must not be served by then what it has given up since.
      connection.awaiting.present = client;
      connection.digest = digest;
      connection.changedMeanwhile ||= client.closed.size > 0;
    } else {
      connection.changedMeanwhile = true;
    }
  }

  /** Delivers closed ranges, and then applies the newest state: that of after their acknowledgement. */
  async #deliverClosed(connection: Connection, state: ReadState): Promise<void> {
    connection.digest = 0;
    try {
      for (let next: ReadState | null | undefined = state; next; next = this.#applying.get(connection)) {
        this.#applying.set(connection, null);
        await this.#deps.closedRanges.deliver(connection, next.client, this.#reads);
        if (connection.phase !== 'open') return;
        this.#match(connection, next.client);
      }
    } finally {
      // In the tick in which nothing more was found waiting: one that came in between would be forgotten.
      this.#applying.delete(connection);
    }
    // What was read before the acknowledgement names ranges that have been delivered.
    connection.closedBefore = null;
    connection.stateRead = this.nextRead();
    this.reread(connection.clientId);
  }

  /** Gives whether the connection served anything else. */
  #match(connection: Connection, client: ClientState): boolean {
    const removed = this.#unsubscribe(connection, client);
    const added = this.#subscribe(connection, client.topics);
    if (client.ownPosition !== connection.inboxPosition) this.#deliverInbox(connection);
    return removed || added;
  }

  /** Takes the connection off topics that its client is not subscribed to. Gives whether there was one. */
  #unsubscribe(
    connection: Connection,
    { topics, closed }: Pick<ClientState, 'topics' | 'closed'>,
    butClosed = false,
  ): boolean {
    let changed = false;
    for (const subscription of connection.subscriptions.values()) {
      const { name } = subscription.topic;
      if (topics.get(name) === subscription.start || (butClosed && closed.has(name))) continue;
      connection.unsubscribe(subscription, 'requested', this.#reads);
      changed = true;
    }
    for (const [topic, start] of connection.opening ?? []) {
      if (topics.get(topic) !== start) connection.opening?.delete(topic);
    }
    return changed;
  }

  /** Subscribes to topics that the connection does not have yet. Returns whether there was one. */
  #subscribe(connection: Connection, topics: ClientState['topics']): boolean {
    let changed = false;
    for (const [name, start] of topics) {
      if (connection.subscriptions.has(name) || connection.opening?.has(name)) continue;
      const topic = this.#deps.topics.open(name, parseStart(start).incarnation);
      if (topic.state === 'open') {
        subscribe(connection, topic, start);
        topic.release();
        changed = true;
      } else {
        connection.opening ??= new Map();
        connection.opening.set(name, start);
        void this.#subscribeWhenReady(connection, topic, start);
      }
    }
    return changed;
  }

  async #subscribeWhenReady(connection: Connection, topic: Topic, start: SubscriptionStart): Promise<void> {
    const { name } = topic;
    const exists = await topic.ready;
    if (connection.opening?.get(name) === start) {
      connection.opening.delete(name);
      if (exists && connection.phase === 'open' && topic.state === 'open') subscribe(connection, topic, start);
    }
    topic.release();
  }

  #deliverInbox(connection: Connection): void {
    this.#deps.inbox.deliver(connection).catch((error: unknown) => {
      this.#deps.onError(error);
      this.reapply(connection);
    });
  }
}

function subscribe(connection: Connection, topic: Topic, start: SubscriptionStart): void {
  const { name, incarnation } = topic;
  const { position: startPosition } = parseStart(start);
  const left = connection.leftAt(name, incarnation) ?? startPosition;
  const end = laterOf(topic.lastSent, startPosition);
  // It got further than the log goes: Redis has lost its last writes, and what follows need not be above that.
  const wentBack = comparePositions(left, end) > 0;
  const position = wentBack ? end : laterOf(startPosition, left);
  connection.sendControl({ type: 'subscribed', topic: name, position });
  if (wentBack) connection.announceLost(name, left, position);
  connection.subscribe(new Subscription(topic, connection, start, position));
}
