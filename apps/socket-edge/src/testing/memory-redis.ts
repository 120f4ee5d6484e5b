import type { DisconnectReason } from '@holdfast/protocol/events';
import type {
  ClaimOutcome,
  ClaimRequest,
  EdgeBroker,
  EdgeChannels,
  EdgePresence,
  KnownTopic,
} from '@holdfast/broker/broker';
import type { DrainRequest, EdgeFacts } from '@holdfast/broker/edge-state';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import {
  type ClientIdentity,
  type ClientState,
  NO_IDENTITY,
  type Owner,
  parseStart,
} from '@holdfast/broker/client-state';
import { type EdgeSettings, type TopicState, settingsText, startNow } from '@holdfast/broker/topic-state';
import type { PastConnection } from '@holdfast/broker/evidence';
import type { LiveSubscriber } from '@holdfast/broker/live-subscriber';
import type { LiveListener } from '@holdfast/broker/live-subscriber';
import type { Position } from '@holdfast/protocol/position-order';
import { LogModel } from './log-model.ts';
import { MemoryChannels } from './memory-channels.ts';
import { MemoryPresence } from './memory-presence.ts';

/** Clients are registered at this time, and topics are created after it. */
const REGISTERED_AT = 1000;
const CREATED_AFTER = 1_000_000;
const LIFETIME = 1_000_000;
/** Between the generations of two new connections: older ones that get their client back fit there. */
const GENERATIONS_BETWEEN = 1_000_000;
/** As in change-topics.lua. */
const MAX_RANGES_BYTES = 2000;

/** What an edge asks. */
export type MemoryBroker = EdgeBroker & EdgePresence;

/**
 * What edges and control-api have in common, in memory: clients, topics with their logs, dirty sets, live channels.
 * Commands take effect in the order of the calls, and are answered a turn of the event loop later, like on a pipelined
 * connection. It stands in for Redis where a test must control what happens between two steps; what Redis itself does is
 * tested on Redis.
 */
export class MemoryRedis {
  readonly clients = new Map<string, ClientState>();
  readonly topics = new Map<string, LogModel>();
  readonly ownLogs = new Map<string, LogModel>();
  readonly dirty = new Map<string, Set<string>>();
  readonly leases = new Set<string>();
  /** What operators asked of edges. */
  readonly drainRequests = new Map<string, DrainRequest>();
  /** Facts that edges wrote, each time. */
  readonly factsWritten: EdgeFacts[] = [];
  /** Connections that were noted as ended. */
  readonly past: { clientId: string; past: PastConnection }[] = [];
  readonly answers: { surveyId: string; payload: unknown }[] = [];
  /** Topics that were noted as in use until then. */
  readonly touched: string[] = [];
  readonly presence = new MemoryPresence({
    settingsOf: (topic) => this.topics.get(topic)?.settings.presence ?? null,
    publish: (topic, update) =>
      this.#publish(topic, (listener) => listener.onTopic(topic, { kind: 'presence', ...update })),
  });
  readonly channels = new MemoryChannels({
    topicOf: (name) => this.topic(name),
    publish: (topic, payload) => this.#publish(topic, (listener) => listener.onTopic(topic, payload)),
  });
  /** The names of all calls of edges so far. */
  readonly calls: string[] = [];
  /** Nothing is done, and every call fails. */
  away = false;
  /** These calls are done, but their answers get lost. */
  readonly answersLost = new Set<keyof MemoryBroker>();
  /** These calls fail, and nothing is done. */
  readonly failing = new Set<keyof MemoryBroker>();
  /** Wake-ups get lost. */
  notifiesNobody = false;
  /** Clients whose node of a Cluster is away: their claims and releases fail, and nothing is done. */
  readonly clientsAway = new Set<string>();
  /** What of these calls is done later. */
  readonly #delayed = new Map<keyof MemoryBroker, (() => void)[]>();
  /** The ends of connections that are events, in their order. */
  readonly ends: { clientId: string; reason: DisconnectReason }[] = [];
  /** Answers that wait, by call. */
  readonly #held = new Map<keyof MemoryBroker | 'all', Promise<void>>();
  readonly #subscribers = new Map<string, { listener: LiveListener; topics: Set<string> }>();
  #topicsCreated = 0;
  #generation = 0;
  #returns = 0;
  #registrations = 0;
  /** How far its clock is behind that of its edges. */
  clockBehindMs = 0;
  /** What refs are made with: one letter. */
  secret = 's';
  /** The generation of the last claim of each client: it stays when there is no owner any more. */
  readonly #claimed = new Map<string, number>();
  /** Generations of handshakes, each the last of its client, that have not taken their client over yet. */
  readonly #given = new Map<string, number>();
  /** Each state that was read, as a text; its place in the list is its digest. */
  readonly #states: string[] = [''];

  /** Holds the answers to these calls back, or to all, until what it gives is called. */
  hold(calls: keyof MemoryBroker | 'all' = 'all'): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held.set(calls, promise);
    return () => {
      this.#held.delete(calls);
      resolve();
    };
  }

  /**
   * These calls fail until the result is called: their connection is cut. What that gives has Redis read what it had of it:
   * then they are done.
   */
  delay(name: keyof MemoryBroker): () => () => void {
    const calls: (() => void)[] = [];
    this.#delayed.set(name, calls);
    return () => {
      this.#delayed.delete(name);
      return () => calls.forEach((call) => call());
    };
  }

  refOf(clientId: string): string {
    return Buffer.from(`${this.secret}${clientId}`).toString('hex').padStart(16, '0').slice(0, 16);
  }

  /** Registers a client that begins at 1000-0; one that was registered before, at a later time with another nonce. */
  register(clientId: string, topics: readonly string[] = [], identity: Partial<ClientIdentity> = {}): void {
    if (this.#claimed.has(clientId)) this.#registrations += 1;
    const incarnation = String(this.#registrations);
    const registeredAt = REGISTERED_AT * (this.#registrations + 1);
    this.#claimed.set(clientId, 0);
    this.#given.delete(clientId);
    this.clients.set(clientId, {
      clientId,
      key: 'test',
      name: null,
      registeredAt,
      incarnation,
      owner: null,
      lastGeneration: 0,
      notify: [],
      since: registeredAt,
      disconnectUpTo: 0,
      ownPosition: `${registeredAt}-${incarnation}`,
      identity: { ...NO_IDENTITY, ...identity },
      topics: new Map(topics.map((topic) => [topic, this.startOf(topic)])),
      closed: new Map(),
      ended: { count: 0, lastAt: 0 },
    });
    this.ownLogs.set(clientId, new LogModel(registeredAt, incarnation));
  }

  unregister(clientId: string): void {
    const { notify } = this.client(clientId);
    this.clients.delete(clientId);
    this.ownLogs.delete(clientId);
    for (const edge of notify) this.notify(edge, clientId);
  }

  /** The start of a subscription that begins now. */
  startOf(topic: string): string {
    return startNow(this.topic(topic).state());
  }

  /** Changes a client's state, and notifies its edge. */
  change(clientId: string, change: (client: ClientState) => void): void {
    const client = this.client(clientId);
    change(client);
    for (const edge of client.notify) this.notify(edge, clientId);
  }

  subscribe(clientId: string, topic: string): void {
    this.change(clientId, (client) => client.topics.set(topic, this.startOf(topic)));
  }

  /** Ends a subscription; what it brought by now becomes a closed range, of a client without an owner a dropped one. */
  unsubscribe(clientId: string, topic: string): void {
    this.change(clientId, (client) => {
      const { position: begin, incarnation } = parseStart(client.topics.get(topic) ?? '');
      const { last } = this.topic(topic);
      if (client.topics.has(topic) && begin !== last) {
        const before = client.closed.get(topic) ?? '';
        client.closed.set(topic, withRange(before, `${begin},${last},${incarnation}`, client.owner !== null));
      }
      client.topics.delete(topic);
    });
  }

  /** Redis has lost its last writes: it names an owner from before. */
  rollBack(clientId: string, owner: Owner): void {
    const client = this.client(clientId);
    client.owner = owner;
    client.notify = [owner.edge];
    client.lastGeneration = owner.generation;
    this.#claimed.set(clientId, owner.generation);
  }

  /** Marks the owner as gone, because its edge's lease ran out; the edge is notified of changes all the same. */
  markGone(clientId: string): void {
    const client = this.client(clientId);
    if (client.owner === null) return;
    this.leases.delete(client.owner.edge);
    client.goneOwner = client.owner;
    client.owner = null;
  }

  /** Notes all clients and dirty sets; Redis loses what was written to them since when the result is called. */
  snapshot(): () => void {
    const clients = [...this.clients.values()].map(copyOf);
    const [claimed, given] = [new Map(this.#claimed), new Map(this.#given)];
    const dirty = [...this.dirty].map(([edge, ids]) => [edge, [...ids]] as const);
    return () => {
      for (const client of clients) this.clients.set(client.clientId, copyOf(client));
      for (const [clientId, generation] of claimed) this.#claimed.set(clientId, generation);
      this.#given.clear();
      for (const [clientId, generation] of given) this.#given.set(clientId, generation);
      this.dirty.clear();
      for (const [edge, ids] of dirty) this.dirty.set(edge, new Set(ids));
    };
  }

  /** Has the client's present connection closed, and every older one. */
  disconnect(clientId: string): void {
    this.change(clientId, (client) => {
      client.disconnectUpTo = this.#claimed.get(clientId) ?? 0;
    });
  }

  /** Makes an edge the owner of a client, in place of the previous one. Returns the generation. */
  own(clientId: string, edge: string): number {
    const generation = this.#newGeneration();
    this.#setOwner(this.client(clientId), edge, generation);
    return generation;
  }

  /** The topic of this name, created if need be. */
  topic(name: string): LogModel {
    const found = this.topics.get(name);
    if (found) return found;
    this.#topicsCreated += 1;
    const made = new LogModel(CREATED_AFTER + LIFETIME * this.#topicsCreated, String(this.#topicsCreated));
    this.topics.set(name, made);
    return made;
  }

  deleteTopic(name: string): void {
    this.topics.delete(name);
    this.#publish(name, (listener) => listener.onTopic(name, { kind: 'deleted' }));
  }

  /** Has the topic expire: to edges it is one without messages. */
  expireTopic(name: string): void {
    this.topic(name).expire();
  }

  /** Creates the topic, or one that has expired again, or changes when it expires and its presence. */
  putTopic(name: string, settings: Partial<EdgeSettings> = {}): void {
    const existed = this.topics.has(name);
    const topic = this.topic(name);
    const before = settingsText(topic.settings);
    topic.dormant = false;
    topic.settings = { ...topic.settings, ...settings };
    if (!existed || settingsText(topic.settings) === before) return;
    this.#publish(name, (listener) => listener.onTopic(name, { kind: 'settings' }));
  }

  /** Sends a payload on the live channel of a topic. */
  sendToTopic(topic: string, payload: Parameters<LiveListener['onTopic']>[1]): void {
    this.#publish(topic, (listener) => listener.onTopic(topic, payload));
  }

  /** Appends a message, and publishes it on the live channel if `live`. Returns its id. */
  publish(topic: string, data: string, { live = true } = {}): Position {
    const { id, prev, data: bytes } = this.topic(topic).append(Buffer.from(data));
    if (live) this.#publish(topic, (listener) => listener.onTopic(topic, { kind: 'message', prev, id, data: bytes }));
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

  notify(edge: string, clientId: string): void {
    if (this.notifiesNobody) return;
    const pending = this.dirty.get(edge) ?? new Set();
    if (pending.has(clientId)) return;
    this.dirty.set(edge, pending.add(clientId));
    this.#subscribers.get(edge)?.listener.onWakeUp();
  }

  /** Sends a payload on an edge's own channel. */
  sendTo(edge: string, payload: Parameters<LiveListener['onOwn']>[0]): void {
    this.#subscribers.get(edge)?.listener.onOwn(payload);
  }

  /** The subscriber connection of an edge: each subscription is confirmed a turn of the event loop later. */
  subscriber(edge: string, listener: LiveListener): LiveSubscriber & { wanted: ReadonlySet<string> } {
    const topics = new Set<string>();
    this.#subscribers.set(edge, { listener, topics });
    return {
      wanted: topics,
      subscribe: (topic) => {
        if (topics.has(topic)) return;
        topics.add(topic);
        setImmediate(() => topics.has(topic) && listener.onSubscribed([topic]));
      },
      unsubscribe: (topic) => topics.delete(topic),
      servers: () => [{ server: 'Redis', name: edge }],
      start: () => {
        setImmediate(() => listener.onWakeUp());
        return () => this.#subscribers.delete(edge);
      },
      reconnect: () => {
        listener.onDisconnected([...topics]);
        setImmediate(() => {
          listener.onWakeUp();
          if (topics.size > 0) listener.onSubscribed([...topics]);
        });
      },
    };
  }

  /** What an edge asks. */
  broker(): MemoryBroker {
    return {
      ...this.#presenceBroker(),
      ...this.#channelsBroker(),
      refreshEvents: () => Promise.resolve(false),
      isOccupancyWanted: () => false,
      changeOccupancy: () => Promise.resolve(new Set()),
      checkOccupancy: () => Promise.resolve([]),
      isLossWanted: () => false,
      writeLosses: () => Promise.resolve([]),
      claim: (request) => this.#ask('claim', () => this.#claim(request), request.clientId),
      release: (clientId, edge, generation, reason = 'lost') =>
        this.#ask('release', () => this.#release(clientId, edge, generation, reason), clientId),
      notePast: (clientId, past) => this.#ask('notePast', () => void this.past.push({ clientId, past }), clientId),
      readTopics: (names) => this.#ask('readTopics', () => names.map((name) => this.topics.get(name)?.state() ?? null)),
      compareTopics: (known) => this.#ask('compareTopics', () => this.#compare(known)),
      readLog: (topic, after, limit) => this.#ask('readLog', () => this.topics.get(topic)?.page(after, limit) ?? null),
      touchTopic: (topic) => this.#ask('touchTopic', () => void this.touched.push(topic)),
      readClientLog: (clientId, after, limit) =>
        this.#ask('readClientLog', () => this.ownLogs.get(clientId)?.page(after, limit) ?? null),
      acknowledgeRanges: ({ clientId, incarnation }, ranges) =>
        this.#ask('acknowledgeRanges', () => {
          const client = this.clients.get(clientId);
          if (client?.incarnation !== incarnation) return;
          for (const [topic, read] of ranges) acknowledge(client.closed, topic, read);
        }),
      notify: (edges, clientId) => this.#ask('notify', () => edges.forEach((edge) => this.notify(edge, clientId))),
      readPending: (edge, max) => this.#ask('readPending', () => [...(this.dirty.get(edge) ?? [])].slice(0, max)),
      acknowledge: (edge, ids) => this.#ask('acknowledge', () => ids.forEach((id) => this.dirty.get(edge)?.delete(id))),
      renewLease: ({ id, facts }, known = { drain: false, at: 0 }) =>
        this.#ask('renewLease', () => {
          const alive = this.leases.has(id);
          this.leases.add(id);
          if (facts) this.factsWritten.push(facts as EdgeFacts);
          const asked = this.drainRequests.get(id);
          const request = asked && asked.at >= known.at ? asked : known;
          this.drainRequests.set(id, request);
          return { alive, request, redisNow: Date.now() - this.clockBehindMs };
        }),
      dropLease: (edge) =>
        this.#ask('dropLease', () => {
          this.leases.delete(edge);
          this.dirty.delete(edge);
        }),
      answer: (surveyId, payload) => this.#ask('answer', () => void this.answers.push({ surveyId, payload })),
      sendProbe: (edge, nonce) =>
        this.#ask('sendProbe', () => {
          this.sendTo(edge, { kind: 'probe', nonce });
          return this.#subscribers.has(edge) ? 1 : 0;
        }),
    };
  }

  #presenceBroker(): EdgePresence {
    const { presence } = this;
    return {
      notePresence: (edge, topics) => this.#ask('notePresence', () => presence.note(edge, topics)),
      forgetPresence: (edge, topics) => this.#ask('forgetPresence', () => presence.forget(edge, topics)),
      leavePresence: (edge) => this.#ask('leavePresence', () => void presence.left.add(edge)),
      changePresence: (topic, edge, change) => this.#ask('changePresence', () => presence.change(topic, edge, change)),
      setPresence: (topic, edge, { sequence, members }) =>
        this.#ask('setPresence', () => presence.set(topic, edge, sequence, members)),
      flushPresence: (topic) => this.#ask('flushPresence', () => presence.flush(topic)),
      checkPresence: (edge, checks) =>
        this.#ask('checkPresence', () => checks.map(({ topic, sequence }) => presence.check(topic, edge, sequence))),
      snapshotPresence: (topic) => this.#ask('snapshotPresence', () => presence.snapshot(topic)),
      refsOf: (clientIds) => this.#ask('refsOf', () => clientIds.map((clientId) => this.refOf(clientId))),
    };
  }

  #channelsBroker(): EdgeChannels {
    const { channels } = this;
    return {
      publishToChannel: (topic, event) => this.#ask('publishToChannel', () => channels.publish(topic, event)),
      openChannel: (topic, presence) => this.#ask('openChannel', () => channels.open(topic, presence)),
      readApp: (key) => this.#ask('readApp', () => channels.read(key)),
      countSubscribers: (topic, edge, count, publish) =>
        this.#ask('countSubscribers', () => channels.count(topic, edge, count, publish)),
      isChannelEventWanted: (_topic, type) => channels.wanted.has(type),
      writeChannelEvent: (topic, type, data) =>
        this.#ask('writeChannelEvent', () => void channels.events.push({ topic, type, data })),
    };
  }

  async #ask<T>(name: keyof MemoryBroker, work: () => T, clientId = ''): Promise<T> {
    this.calls.push(name);
    const fails = this.away || this.failing.has(name) || this.clientsAway.has(clientId);
    if (fails) throw new RedisUnavailable(new Error('it is away'));
    const delayed = this.#delayed.get(name);
    if (delayed !== undefined) {
      delayed.push(work);
      throw new RedisUnavailable(new Error('no answer'));
    }
    const answer = work();
    await (this.#held.get(name) ?? this.#held.get('all'));
    await new Promise(setImmediate);
    if (this.answersLost.has(name)) throw new RedisUnavailable(new Error('no answer'));
    return answer;
  }

  #claim({ clientId, edge, generation: mine = 0, incarnation, digest: known }: ClaimRequest): ClaimOutcome {
    const found = this.clients.get(clientId);
    if (found === undefined || (incarnation !== undefined && found.incarnation !== incarnation)) {
      return { kind: 'not-found' };
    }
    const client = copyOf(found);
    const held = this.#claimed.get(clientId) ?? 0;
    const { owner, goneOwner } = found;
    let generation = mine;
    if (mine === 0) generation = this.#newGeneration();
    // Below those that handshakes were given which have not claimed with them yet.
    else if (!(owner ?? goneOwner) && held > mine) generation = held + this.#nextReturn();
    const digest = this.#digestOf(client);
    if ((owner ?? goneOwner) ? mine === 0 || held > mine : mine === 0 && this.#given.has(clientId)) {
      if (mine === 0) this.#given.set(clientId, generation);
      return { kind: 'owned-by-other', client, generation, digest };
    }
    if (owner && held === mine) {
      return digest === known ? { kind: 'unchanged' } : { kind: 'claimed', client, generation, digest };
    }
    this.#setOwner(found, edge, generation);
    return { kind: 'claimed', client, generation, digest };
  }

  #newGeneration(): number {
    this.#generation += GENERATIONS_BETWEEN;
    return this.#generation;
  }

  /** A step of its own each time: a Redis that has lost its last writes gives no generation twice. */
  #nextReturn(): number {
    this.#returns += 1;
    return this.#returns;
  }

  #setOwner(client: ClientState, edge: string, generation: number): void {
    const [previous] = [client.owner?.edge, ...client.notify].filter((one) => one !== undefined && one !== edge);
    client.owner = { edge, generation };
    delete client.goneOwner;
    client.lastGeneration = generation;
    client.since = Date.now();
    client.notify = previous === undefined ? [edge] : [edge, previous];
    this.#claimed.set(client.clientId, generation);
    if ((this.#given.get(client.clientId) ?? 0) <= generation) this.#given.delete(client.clientId);
  }

  #digestOf(client: ClientState): number {
    const state = { ...client, owner: null, goneOwner: null, lastGeneration: null, notify: null, since: null };
    const text = JSON.stringify(state, (_name, value: unknown) => (value instanceof Map ? [...value] : value));
    const at = this.#states.indexOf(text);
    return at > 0 ? at : this.#states.push(text) - 1;
  }

  #release(clientId: string, edge: string, generation: number, reason: DisconnectReason): void {
    const client = this.clients.get(clientId);
    if (client === undefined) return;
    const owner = client.owner ?? client.goneOwner;
    const isOwner = generation === 0 ? owner?.edge === edge : owner?.generation === generation;
    if (isOwner) {
      this.ends.push({ clientId, reason });
      client.owner = null;
      delete client.goneOwner;
      client.since = Date.now();
    } else if (owner?.edge === edge) return;
    client.notify = client.notify.filter((one) => one !== edge);
  }

  #compare(known: readonly KnownTopic[]): Map<KnownTopic, TopicState | null> {
    return new Map(
      known.flatMap((one) => {
        const state = this.topics.get(one.topic)?.state() ?? null;
        const isKnown =
          state?.incarnation === one.incarnation && state.last === one.last && settingsText(state) === one.settings;
        return isKnown ? [] : [[one, state] as const];
      }),
    );
  }

  #publish(topic: string, emit: (listener: LiveListener) => void): void {
    for (const { listener, topics } of this.#subscribers.values()) if (topics.has(topic)) emit(listener);
  }
}

function copyOf(client: ClientState): ClientState {
  return { ...client, topics: new Map(client.topics), closed: new Map(client.closed), notify: [...client.notify] };
}

const join = (kept: string, last: string): string => (kept === '' ? last : `${kept} ${last}`);

/** As in change-topics.lua: a range that has no room, or no owner, is dropped, and all that are dropped are one. */
function withRange(ranges: string, range: string, isOwned: boolean): string {
  if (isOwned && ranges.length < MAX_RANGES_BYTES) return join(ranges, range);
  const [, kept = ranges, lostSince] = /^(.*?) ?!([^,]+),[^ ]*$/.exec(ranges) ?? [];
  return join(kept, `!${lostSince === undefined ? range : range.replace(/^[^,]+/, lostSince)}`);
}

/** As in acknowledge-ranges.lua: removes ranges as they were read; what was added to them since stays. */
function acknowledge(closed: Map<string, string>, topic: string, read: string): void {
  const ranges = closed.get(topic) ?? '';
  const whole = /^[^!]+/.exec(read)?.[0];
  if (ranges === read) closed.delete(topic);
  else if (ranges.startsWith(`${read} `)) closed.set(topic, ranges.slice(read.length + 1));
  else if (whole !== undefined && ranges.startsWith(`${whole}!`)) closed.set(topic, ranges.slice(whole.length));
}
