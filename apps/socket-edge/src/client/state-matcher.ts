import type { ClaimedState, EdgeBroker } from '@holdfast/broker/broker';
import {
  type ClientState,
  type Owner,
  type SubscriptionStart,
  connectionName,
  parseStart,
} from '@holdfast/broker/client-state';
import type { PastConnection } from '@holdfast/broker/evidence';
import { closeCodes } from '@holdfast/protocol/close-codes';
import { comparePositions, laterOf } from '@holdfast/protocol/position-order';
import type { Connection } from '../connection/connection.ts';
import { connectionIdentity } from '../connection/identity.ts';
import type { PastNotes } from '../evidence/past-notes.ts';
import { deliveredName } from '../topic/delivered-name.ts';
import type { Inbox } from '../topic/inbox.ts';
import { Subscription } from '../topic/subscription.ts';
import type { Topic } from '../topic/topic.ts';
import type { Topics } from '../topic/topics.ts';
import type { Authorizations } from './authorization.ts';
import type { ClosedRanges } from './closed-ranges.ts';

export interface StateMatcherDeps {
  edge: string;
  broker: Pick<EdgeBroker, 'notify'>;
  topics: Topics;
  inbox: Inbox;
  closedRanges: ClosedRanges;
  pastNotes: PastNotes;
  authorizations: Authorizations;
  onError: (error: unknown) => void;
}

/** A client's state that a connection is to match. */
export interface ReadState extends ClaimedState {
  /** The number of the read that brought it. */
  read: number;
}

/** Numbers the reads of clients' states, and has a client read again. */
interface Reads {
  readonly lastRead: number;
  nextRead(): number;
  reread(clientId: string): void;
  reapply(connection: Connection): void;
}

/** Makes a connection match its client's state: subscribes, unsubscribes, delivers, closes. */
export class StateMatcher {
  readonly #deps: StateMatcherDeps;
  readonly #reads: Reads;
  /** Connections being changed, each with the newest state that waits, if any. */
  readonly #applying = new Map<Connection, ReadState | null>();

  constructor(deps: StateMatcherDeps, reads: Reads) {
    this.#deps = deps;
    this.#reads = reads;
  }

  /** One at a time for each connection, the newest state last. Returns whether the connection served anything else. */
  apply(connection: Connection, state: ReadState): boolean {
    if (this.#own(connection, state.client, state.generation)) return true;
    this.#identify(connection, state.client);
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
      // Those with a closed range get what it lacks first.
      this.#unsubscribe(connection, { topics, closed }, true);
      this.#deliverClosed(connection, state).catch((error: unknown) => {
        this.#deps.onError(error);
        this.#reads.reapply(connection);
      });
      return true;
    }
    const changed = this.#match(connection, state.client);
    connection.digest = state.digest;
    connection.dropTombstones(state.read);
    return changed;
  }

  /** The connection owns the client by this claim. True when it is to be closed all the same. */
  #own(connection: Connection, client: ClientState, generation: number): boolean {
    const { edge } = this.#deps;
    const wasOwner = client.owner?.generation === generation;
    const isDisconnected = client.disconnectUpTo >= connection.generation;
    connection.own(client.lastGeneration, generation);
    // Of a connection here this edge knows more.
    if (!wasOwner && client.owner !== null && client.owner.edge !== edge) this.#remember(client.clientId, client.owner);
    // The previous owner closes its connection sooner so. One that is suspended may have taken over by a claim whose answer
    // was lost.
    if (!wasOwner || connection.suspended) this.notifyOthers(client);
    if (isDisconnected) connection.close(closeCodes.disconnected);
    return isDisconnected;
  }

  /** Other edges that have connections of the client find out sooner so than by their walk. */
  notifyOthers({ clientId, notify }: ClientState): void {
    const { broker, edge, onError } = this.#deps;
    const others = notify.filter((other) => other !== edge);
    if (others.length > 0) broker.notify(others, clientId).catch(onError);
  }

  /** A connection that this one has taken its client over from: what was written to it, only its own edge knows. */
  #remember(clientId: string, { edge, generation }: Owner): void {
    const connection = connectionName(generation);
    const past: PastConnection = { generation, edge, connection, to: Date.now(), reason: 'replaced', end: null };
    this.#deps.pastNotes.add({ clientId, past });
  }

  /** Who the client is may have changed, and until when it is authorized. */
  #identify(connection: Connection, { identity }: ClientState): void {
    const before = connection.identity;
    connection.identity = connectionIdentity(identity, before?.watches ?? false);
    if (connection.identity === null && before === null) return;
    if (connection.identity?.client.token || before?.client.token) this.#deps.authorizations.update(connection);
    for (const subscription of connection.subscriptions.values()) subscription.topic.presence?.identify(subscription);
  }

  /** The welcome is not out yet. */
  #keep(connection: Connection, { client, digest }: ReadState): void {
    if (connection.phase === 'awaiting-resume' && connection.awaiting !== null) {
      // What it will be attached to: it must not be served by then what it has unsubscribed since.
      connection.awaiting.present = client;
      connection.digest = digest;
      connection.changedMeanwhile ||= client.closed.size > 0;
    } else if (digest !== connection.digest) {
      connection.changedMeanwhile = true;
    }
  }

  /** Delivers closed ranges, and then applies the newest state: that of after their acknowledgement. */
  async #deliverClosed(connection: Connection, state: ReadState): Promise<void> {
    connection.digest = 0;
    try {
      for (let next: ReadState | null | undefined = state; next; next = this.#applying.get(connection)) {
        this.#applying.set(connection, null);
        await this.#deps.closedRanges.deliver(connection, next.client, this.#reads.lastRead);
        if (connection.phase !== 'open') return;
        this.#match(connection, next.client);
      }
    } finally {
      // In the tick in which nothing more was found waiting: one that came in between would be forgotten.
      this.#applying.delete(connection);
    }
    // What was read before the acknowledgement names ranges that have been delivered.
    connection.closedBefore = null;
    connection.stateRead = this.#reads.nextRead();
    this.#reads.reread(connection.clientId);
  }

  /** Returns whether the connection served anything else. */
  #match(connection: Connection, client: ClientState): boolean {
    const removed = this.#unsubscribe(connection, client);
    const added = this.#subscribe(connection, client.topics);
    if (client.ownPosition !== connection.inboxPosition) this.deliverInbox(connection);
    return removed || added;
  }

  /** Unsubscribes the connection from topics that its client is not subscribed to. Returns whether there was one. */
  #unsubscribe(
    connection: Connection,
    { topics, closed }: Pick<ClientState, 'topics' | 'closed'>,
    exceptClosed = false,
  ): boolean {
    let changed = false;
    for (const subscription of connection.subscriptions.values()) {
      const { name } = subscription.topic;
      if (topics.get(name) === subscription.start || (exceptClosed && closed.has(name))) continue;
      connection.unsubscribe(subscription, 'requested', this.#reads.lastRead);
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

  deliverInbox(connection: Connection): void {
    this.#deps.inbox.deliver(connection).catch((error: unknown) => {
      this.#deps.onError(error);
      this.#reads.reapply(connection);
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
  connection.sendControl({ type: 'subscribed', topic: deliveredName(name), position });
  if (wentBack) connection.announceLost(name, left, position);
  connection.subscribe(new Subscription(topic, connection, start, position));
}
