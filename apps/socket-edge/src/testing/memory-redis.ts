import type { ClaimOutcome, EdgeBroker } from '@holdfast/broker/broker';
import { BrokerUnavailable } from '@holdfast/broker/broker-unavailable';
import type { ClientState } from '@holdfast/broker/client-state';
import type { LiveEar } from '@holdfast/broker/ear';
import type { LiveListener } from '@holdfast/broker/live-channels';
import type { Position } from '@holdfast/protocol/position-order';
import { LogModel } from './log-model.ts';

/** Clients are registered at this time, and topics are born after it. */
const REGISTERED_AT = 1000;
const BORN_AFTER = 1_000_000;
const LIFETIME = 1_000_000;

/**
 * What edges and control-api have in common, in memory: clients, topics with their logs, letter boxes, live channels.
 * Commands take effect in the order of the calls, and are answered a turn of the event loop later, like on a pipelined
 * connection. It stands in for Redis where a test must say what happens between two steps; what Redis itself does is
 * tested on Redis.
 */
export class MemoryRedis {
  readonly clients = new Map<string, ClientState>();
  readonly topics = new Map<string, LogModel>();
  readonly ownLogs = new Map<string, LogModel>();
  readonly letters = new Map<string, Set<string>>();
  readonly leases = new Set<string>();
  readonly answers: { question: string; payload: unknown }[] = [];
  /** The names of all calls of edges so far. */
  readonly calls: string[] = [];
  /** Nothing is done, and every call fails. */
  away = false;
  /** These calls are done, but their answers get lost. */
  readonly answersLost = new Set<keyof EdgeBroker>();
  /** Answers that wait, by call. */
  readonly #held = new Map<keyof EdgeBroker | 'all', Promise<void>>();
  readonly #ears = new Map<string, { listener: LiveListener; topics: Set<string> }>();
  #births = 0;

  /** Holds the answers to these calls back, or to all, until what it gives is called. */
  hold(calls: keyof EdgeBroker | 'all' = 'all'): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held.set(calls, promise);
    return () => {
      this.#held.delete(calls);
      resolve();
    };
  }

  register(clientId: string, topics: readonly string[] = []): void {
    this.clients.set(clientId, {
      clientId,
      key: 'test',
      name: null,
      registeredAt: REGISTERED_AT,
      owner: null,
      since: REGISTERED_AT,
      unwanted: null,
      ownPosition: `${REGISTERED_AT}-0`,
      topics: new Map(topics.map((topic) => [topic, this.topic(topic).last])),
      ended: new Map(),
    });
    this.ownLogs.set(clientId, new LogModel(REGISTERED_AT));
  }

  unregister(clientId: string): void {
    const owner = this.client(clientId).owner;
    this.clients.delete(clientId);
    if (owner) this.ring(owner.edge, clientId);
  }

  /** Changes a client's state, and rings at its edge. */
  change(clientId: string, change: (client: ClientState) => void): void {
    const client = this.client(clientId);
    change(client);
    if (client.owner) this.ring(client.owner.edge, clientId);
  }

  subscribe(clientId: string, topic: string): void {
    this.change(clientId, (client) => client.topics.set(topic, this.topic(topic).last));
  }

  unsubscribe(clientId: string, topic: string): void {
    this.change(clientId, (client) => client.topics.delete(topic));
  }

  /** The topic of this name, created if need be. */
  topic(name: string): LogModel {
    const found = this.topics.get(name);
    if (found) return found;
    this.#births += 1;
    const made = new LogModel(BORN_AFTER + LIFETIME * this.#births);
    this.topics.set(name, made);
    return made;
  }

  deleteTopic(name: string): void {
    this.topics.delete(name);
    this.#say(name, (listener) => listener.onTopic(name, { kind: 'deleted' }));
  }

  /** Appends a message, and says it on the live channel unless told not to. Gives its id. */
  publish(topic: string, data: string, { heard = true } = {}): Position {
    const { id, prev, data: bytes } = this.topic(topic).append(Buffer.from(data));
    if (heard) this.#say(topic, (listener) => listener.onTopic(topic, { kind: 'message', prev, id, data: bytes }));
    return id;
  }

  publishToClient(clientId: string, data: string): Position {
    const log = this.ownLogs.get(clientId);
    if (log === undefined) throw new Error('not registered');
    const { id } = log.append(Buffer.from(data));
    this.change(clientId, (client) => {
      client.ownPosition = id;
    });
    return id;
  }

  client(clientId: string): ClientState {
    const client = this.clients.get(clientId);
    if (client === undefined) throw new Error('not registered');
    return client;
  }

  ring(edge: string, clientId: string): void {
    const box = this.letters.get(edge) ?? new Set();
    this.letters.set(edge, box.add(clientId));
    this.#ears.get(edge)?.listener.onDoorbell();
  }

  /** Says something on an edge's own channel. */
  sayTo(edge: string, payload: Parameters<LiveListener['onOwn']>[0]): void {
    this.#ears.get(edge)?.listener.onOwn(payload);
  }

  /** What an edge hears by: each subscription is confirmed a turn of the event loop later. */
  ear(edge: string, listener: LiveListener): LiveEar & { wanted: ReadonlySet<string> } {
    const topics = new Set<string>();
    this.#ears.set(edge, { listener, topics });
    return {
      wanted: topics,
      subscribe: (topic) => {
        topics.add(topic);
        setImmediate(() => listener.onHearing([topic]));
      },
      unsubscribe: (topic) => topics.delete(topic),
      posts: () => [{ server: 'Redis', name: edge }],
      start: () => () => this.#ears.delete(edge),
      reconnect: () => setImmediate(() => listener.onHearing([...topics])),
    };
  }

  /** What an edge asks. */
  broker(): EdgeBroker {
    return {
      claim: (clientId, edge, connection, options) =>
        this.#ask('claim', () => this.#claim(clientId, edge, connection, options?.onlyIfUnowned ?? false)),
      release: (clientId, edge, connection) => this.#ask('release', () => this.#release(clientId, edge, connection)),
      readClients: (ids) => this.#ask('readClients', () => ids.map((id) => copyOf(this.clients.get(id)))),
      readTopics: (names) => this.#ask('readTopics', () => names.map((name) => this.topics.get(name)?.state() ?? null)),
      readLog: (topic, after, limit) => this.#ask('readLog', () => this.topics.get(topic)?.page(after, limit) ?? null),
      readClientLog: (clientId, after, limit) =>
        this.#ask('readClientLog', () => this.ownLogs.get(clientId)?.page(after, limit) ?? null),
      forgetEnded: (clientId, ended) =>
        this.#ask('forgetEnded', () => {
          for (const topic of ended.keys()) this.clients.get(clientId)?.ended.delete(topic);
        }),
      ring: (edge, clientId) => this.#ask('ring', () => this.ring(edge, clientId)),
      peekLetters: (edge, max) => this.#ask('peekLetters', () => [...(this.letters.get(edge) ?? [])].slice(0, max)),
      takeLetters: (edge, ids) =>
        this.#ask('takeLetters', () => ids.forEach((id) => this.letters.get(edge)?.delete(id))),
      renewLease: ({ id }) =>
        this.#ask('renewLease', () => {
          const alive = this.leases.has(id);
          this.leases.add(id);
          return alive;
        }),
      dropLease: (edge) => this.#ask('dropLease', () => void this.leases.delete(edge)),
      answer: (question, payload) => this.#ask('answer', () => void this.answers.push({ question, payload })),
      sendCanary: (edge, nonce) =>
        this.#ask('sendCanary', () => {
          this.sayTo(edge, { kind: 'canary', nonce });
          return 1;
        }),
    };
  }

  async #ask<T>(name: keyof EdgeBroker, work: () => T): Promise<T> {
    this.calls.push(name);
    if (this.away) throw new BrokerUnavailable(new Error('it is away'));
    const answer = work();
    await (this.#held.get(name) ?? this.#held.get('all'));
    await new Promise(setImmediate);
    if (this.answersLost.has(name)) throw new BrokerUnavailable(new Error('no answer'));
    return answer;
  }

  #claim(clientId: string, edge: string, connection: string, onlyIfUnowned: boolean): ClaimOutcome {
    const client = copyOf(this.clients.get(clientId));
    if (client === null) return { kind: 'unknown' };
    if (onlyIfUnowned && client.owner) return { kind: 'owned', client };
    Object.assign(this.client(clientId), { owner: { edge, connection }, unwanted: null });
    return { kind: 'claimed', client, previous: client.owner };
  }

  #release(clientId: string, edge: string, connection: string): void {
    const client = this.clients.get(clientId);
    if (client?.owner?.edge === edge && client.owner.connection === connection) client.owner = null;
  }

  #say(topic: string, tell: (listener: LiveListener) => void): void {
    for (const { listener, topics } of this.#ears.values()) if (topics.has(topic)) tell(listener);
  }
}

function copyOf(client: ClientState | undefined): ClientState | null {
  return client ? { ...client, topics: new Map(client.topics), ended: new Map(client.ended) } : null;
}
