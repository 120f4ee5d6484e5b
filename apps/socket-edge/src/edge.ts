import type { EdgeDetails } from '@holdfast/broker/edge-state';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import type { LiveSubscriber } from '@holdfast/broker/live-subscriber';
import type { LivePayload } from '@holdfast/broker/live-payload';
import { RESUME_DEADLINE_MS } from '@holdfast/protocol/limits';
import type { ProblemCode } from '@holdfast/protocol/problems';
import { LoopbackProbes } from './health/probe.ts';
import { drain } from './connection/drain.ts';
import { RequestedDrain } from './connection/requested-drain.ts';
import { Occupancy } from './topic/occupancy.ts';
import { Topics } from './topic/topics.ts';
import { Freshness } from './client/freshness.ts';
import { STUCK_MS } from './connection/heartbeat.ts';
import { Lease } from './health/lease.ts';
import { Presence } from './presence/presence.ts';
import { TimeSlicer } from './schedule/slicer.ts';
import { surveyedClient } from './evidence/connection-evidence.ts';
import { createConnections } from './connection/connections.ts';
import { newCounters, newLatencies } from './counters.ts';
import type { EdgeOptions } from './edge-options.ts';

const DRAIN_SECONDS = 30;

export type Edge = ReturnType<typeof createEdge>;

/** Wires the parts of an edge together. Free of sockets: connections come in through `hub`. */
export function createEdge(options: EdgeOptions) {
  const { id, broker, broadcast, logger, maxConnections, load, facts, drainSeconds = DRAIN_SECONDS } = options;
  const counters = newCounters();
  const latencies = newLatencies();
  /** Handshakes that were refused, by code. */
  const refusals = new Map<ProblemCode, number>();
  const slicer = new TimeSlicer();
  const startedAt = Date.now();
  let url = '';
  /** The process ends. */
  let leaving = false;

  const onError = (error: unknown): void => {
    // That Redis is away is logged once, by its connection; everything here comes right by itself when it is back.
    if (!(error instanceof RedisUnavailable)) logger.error({ err: error }, 'unexpected error');
  };
  const channels: LiveSubscriber = options.channels({
    onTopic: (topic, payload) => {
      if (payload.kind === 'presence') presence.onLive(topic, payload);
      else topics.onTopic(topic, payload);
      if (payload.kind !== 'message') door?.onLive(topic, payload);
    },
    onOwn,
    onWakeUp: () => reconciler.wake(),
    onSubscribed: (names) => {
      topics.onSubscribed(names);
      presence.onSubscribed(names);
    },
    onDisconnected: (names) => {
      counters.subscriberConnectionsLost += 1;
      topics.onDisconnected(names);
    },
  });
  const freshness = new Freshness({ refresh: () => reconciler.wake(), onFresh: () => topics.onFresh() });
  const presence = new Presence({
    edge: id,
    broker,
    slicer,
    broadcast,
    counters,
    watchers: (deps) => door?.watchers(deps) ?? null,
    onError,
  });
  const topics = new Topics({
    broker,
    channels,
    broadcast,
    counters,
    latencies,
    freshness,
    onSettings: (topic) => presence.onSettings(topic),
    onOccupancy: (topic) => occupancy.onChange(topic),
    subscriptionOf: (topic, subscriber) => door?.subscriptionOf(topic, subscriber),
    onUnsubscribed: (clientId) => {
      const connection = registry.get(clientId);
      if (connection) reconciler.reapply(connection);
    },
    onError,
  });
  const occupancy = new Occupancy({
    edge: id,
    broker,
    isOccupied: (topic) => topics.isOccupied(topic),
    topics: () => topics.names(),
    onError,
  });
  const door = options.door?.({
    edge: id,
    broker,
    topics,
    slicer,
    broadcast,
    counters,
    isDraining: () => isDraining(),
    isFull: () => isFull(),
    isKnown: () => lease.begun,
    onError,
  });
  const others = door === undefined ? [] : [door.connections];
  const { registry, reconciler, ...connections } = createConnections({
    stuckMs: STUCK_MS,
    resumeDeadlineMs: RESUME_DEADLINE_MS,
    ...options,
    edge: id,
    others,
    clockDifferenceMs: () => lease.clockDifferenceMs,
    topics,
    freshness,
    slicer,
    counters,
    onError,
  });
  const probes = new LoopbackProbes({
    broker,
    counters,
    latencies,
    servers: () => channels.servers(),
    onStalled: (stalled, silentMs) => {
      const fields = { server: stalled.server, silentMs: Math.round(silentMs) };
      logger.warn(fields, 'subscriber connection stalled: replacing it');
      channels.reconnect(stalled);
    },
    onError,
  });
  const lists = [registry, ...others];
  /** Connections of every protocol. */
  const open = (): number => lists.reduce((sum, { size }) => sum + size, 0);
  const isFull = (): boolean => open() >= maxConnections;
  const requested = new RequestedDrain({ lists, seconds: drainSeconds, logger, onError });
  const isDraining = (): boolean => leaving || requested.draining;
  const lease = new Lease({
    broker,
    counters,
    details,
    facts,
    request: () => requested.request,
    onRequest: (request) => !leaving && requested.follow(request),
    onExpired: () => {
      logger.warn('lease expired: comparing every client and topic');
      compareEverything();
    },
    onBeat: async () => {
      const ours = [connections.tend(), topics.tend(), presence.tend(), refreshEvents(), occupancy.tend()];
      await Promise.all([...ours, door?.tend()]);
    },
    onError,
    onRecovery: (fields) => logger.info(fields, 'lease renewed again'),
  });

  function onOwn(payload: LivePayload): void {
    if (payload.kind === 'probe') probes.onReceived(payload.nonce);
    else if (payload.kind === 'renew') lease.beat().catch(onError);
    else if (payload.kind === 'served') answerServed(payload.surveyId, payload.clientId);
    else if (payload.kind === 'events') refreshEvents().catch(onError);
  }

  async function refreshEvents(): Promise<void> {
    if (await broker.refreshEvents()) occupancy.onWanted();
  }

  function answerServed(surveyId: string, clientId: string): void {
    const connection = registry.get(clientId);
    const answer = connection && surveyedClient(connection, connections.hub.arrivals, options.heartbeatMs);
    Promise.resolve(answer ?? null)
      .then((served) => broker.answer(surveyId, served))
      .catch(onError);
  }

  function details(): EdgeDetails {
    const { clockDifferenceMs } = lease;
    return {
      id,
      url,
      connections: open(),
      ...door?.details(),
      maxConnections,
      draining: isDraining(),
      leaving,
      startedAt,
      ...(load && { load: load({ counters, refusals, probes, clockDifferenceMs }) }),
    };
  }

  /** Wake-ups and messages may have been lost: after Redis was away, or after the lease expired. */
  function compareEverything(): void {
    reconciler.compareAll();
    topics.syncAll().catch(onError);
    presence.checkAll().catch(onError);
    occupancy.checkAll().catch(onError);
  }

  return {
    id,
    hub: connections.hub,
    door,
    slicer,
    registry,
    topics,
    presence,
    counters,
    maxConnections,
    latencies,
    resumes: connections.resumes,
    refusals,
    probes,
    authorizations: connections.authorizations,
    compareEverything,
    get draining() {
      return isDraining();
    },
    /** Why it takes no connections though its process goes on; null when it does. */
    get drainFault() {
      return requested.draining ? 'draining at the request of an operator' : null;
    },
    /** How many connections there are, of every protocol. */
    get connections() {
      return open();
    },
    get full() {
      return isFull();
    },
    /** Whether Redis has a lease of this edge. Without one it takes no clients, for it would not count as their owner. */
    get known() {
      return lease.begun;
    },
    /** Why the lease is not renewed now; null when it is. */
    get leaseFault() {
      return lease.fault;
    },
    /** Resolves when Redis has the lease. */
    whenKnown: lease.first,
    /** Renews the lease and does what is due once a second, now: when Redis has just come (back). */
    beat(): Promise<void> {
      return lease.beat().catch(onError);
    },
    /** Starts under a URL; returns the stop. */
    start(advertisedUrl: string): () => void {
      url = advertisedUrl;
      const stops = [channels.start(), lease.start(), probes.start(), connections.start(), () => presence.stop()];
      if (door) stops.push(door.start());
      return () => stops.forEach((stop) => stop());
    },
    /** Takes no more connections, closes those there are, and releases their clients. */
    async leave(seconds: number): Promise<void> {
      leaving = true;
      requested.stop();
      await lease.beat().catch(onError);
      await drain(lists, seconds);
      await Promise.allSettled([connections.flush(), occupancy.write()]);
      // Before the lease: without it and without this note the members would be taken out at once.
      await presence.leave().catch(onError);
      await lease.end().catch(onError);
    },
  };
}
