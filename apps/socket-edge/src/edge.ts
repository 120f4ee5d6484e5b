import { randomBytes } from 'node:crypto';
import type { EdgeBroker, EdgeDetails, EdgeLoad } from '@holdfast/broker/broker';
import { BrokerUnavailable } from '@holdfast/broker/broker-unavailable';
import type { LiveEar } from '@holdfast/broker/ear';
import type { LiveListener } from '@holdfast/broker/live-channels';
import type { LivePayload } from '@holdfast/broker/live-payload';
import { RESUME_DEADLINE_MS } from '@holdfast/protocol/limits';
import type { ProblemCode } from '@holdfast/protocol/problems';
import { repeat } from '@holdfast/service/backoff';
import type { Logger } from '@holdfast/service/logger';
import { LoopbackProbes } from './health/probe.ts';
import { drain } from './connection/drain.ts';
import { ClosedRanges } from './client/closed-ranges.ts';
import { Topics } from './topic/topics.ts';
import { Freshness } from './client/freshness.ts';
import { Gate } from './schedule/gate.ts';
import { Heartbeat, STUCK_MS } from './connection/heartbeat.ts';
import { Hub } from './connection/hub.ts';
import { Lease } from './health/lease.ts';
import { Inbox } from './topic/inbox.ts';
import { TimeSlicer } from './schedule/slicer.ts';
import { PendingHandshakes } from './connection/claim.ts';
import { Reconciler } from './client/reconcile.ts';
import { Releases } from './client/releases.ts';
import { ResumeLimit } from './connection/resume-limit.ts';
import { ConnectionRegistry } from './connection/registry.ts';
import { type Counters, newCounters } from './counters.ts';

const EDGE_ID_BYTES = 6;
/** Often enough that messages hardly ever wait for it; see `Freshness`. */
const LOOK_MS = 400;
/** Logs of own topics and of closed ranges read at a time: a storm of readers must not stand in memory all at once. */
const READS_AT_ONCE = 16;

/** A new id for every start: nothing of an earlier life is taken for this one's. */
export function newEdgeId(): string {
  return randomBytes(EDGE_ID_BYTES).toString('hex');
}

export interface EdgeOptions {
  id: string;
  broker: EdgeBroker;
  /** Makes the ear, which tells the listener what it hears. */
  ear: (listener: LiveListener) => LiveEar;
  logger: Logger;
  heartbeatMs: number;
  maxConnections: number;
  /** How busy this edge is. */
  load?: (counters: Counters) => EdgeLoad;
  resumeDeadlineMs?: number;
  /** How long a connection may take nothing before it is closed, in milliseconds. */
  stuckMs?: number;
}

export type Edge = ReturnType<typeof createEdge>;

/** Wires the parts of an edge together. Free of sockets: connections come in through `hub`. */
export function createEdge(options: EdgeOptions) {
  const { id, broker, ear: makeEar, logger, heartbeatMs, maxConnections } = options;
  const { load, resumeDeadlineMs = RESUME_DEADLINE_MS, stuckMs = STUCK_MS } = options;
  const counters = newCounters();
  /** Handshakes that were refused, by code. */
  const refusals = new Map<ProblemCode, number>();
  const registry = new ConnectionRegistry();
  const pending = new PendingHandshakes();
  const resumes = new ResumeLimit();
  const slicer = new TimeSlicer();
  const startedAt = Date.now();
  let url = '';
  let draining = false;

  const onError = (error: unknown): void => {
    // That Redis is away is said once, by its connection; everything here comes right by itself when it is back.
    if (!(error instanceof BrokerUnavailable)) logger.error({ err: error }, 'unexpected error');
  };
  const ear: LiveEar = makeEar({
    onTopic: (topic, payload) => feeds.onTopic(topic, payload),
    onOwn: (payload) => onOwn(payload),
    onDoorbell: () => reconciler.wake(),
    onHearing: (topics) => feeds.onHearing(topics),
    onDeaf: () => {
      counters.subscriberConnectionsLost += 1;
    },
  });
  const freshness = new Freshness({ refresh: () => reconciler.wake(), onFresh: () => feeds.onFresh() });
  const feeds = new Topics({
    broker,
    ear,
    counters,
    freshness,
    onTakenOff: (connection) => reconciler.anew(connection),
    onError,
  });
  const gate = new Gate(READS_AT_ONCE);
  const inbox = new Inbox({ broker, gate });
  const closedRanges = new ClosedRanges({ broker, gate });
  const releases = new Releases(broker, id);
  const reconciler = new Reconciler({
    edge: id,
    broker,
    registry,
    pending,
    feeds,
    inbox,
    closedRanges,
    freshness,
    counters,
    onError,
  });
  const hub = new Hub({
    edge: id,
    heartbeatMs,
    broker,
    feeds,
    inbox,
    slicer,
    registry,
    releases,
    pending,
    reconciler,
    resumes,
    counters,
    resumeDeadlineMs,
    onError,
  });
  const canary = new LoopbackProbes({
    broker,
    counters,
    posts: () => ear.posts(),
    onDeaf: (post, silentMs) => {
      const fields = { server: post.server, silentMs: Math.round(silentMs) };
      logger.warn(fields, 'deaf: the subscriber connection is replaced');
      ear.reconnect(post);
    },
    onError,
  });
  const lease = new Lease({
    broker,
    counters,
    details,
    onExpired: () => {
      logger.warn('the lease had run out: every client and topic is looked at again');
      compareEverything();
    },
    onBeat: async () => {
      await Promise.all([reconciler.readPending(), reconciler.walk(), releases.flush(), feeds.tend()]);
    },
    onError,
    onRecovery: (fields) => logger.info(fields, 'the lease is renewed again'),
  });

  const heartbeat = new Heartbeat(registry, counters, { everyMs: heartbeatMs, stuckMs });

  function onOwn(payload: LivePayload): void {
    if (payload.kind === 'canary') canary.onHeard(payload.nonce);
    else if (payload.kind === 'served') answerServed(payload.question, payload.clientId);
  }

  function answerServed(question: string, clientId: string): void {
    const connection = registry.get(clientId);
    const topics = [...(connection?.subscriptions.values() ?? [])].map(
      (subscription) => [subscription.feed.topic, subscription.reached] as const,
    );
    const served = connection && {
      connection: connection.id,
      generation: connection.generation,
      topics: Object.fromEntries(topics),
    };
    broker.answer(question, served ?? null).catch(onError);
  }

  function details(): EdgeDetails {
    const busy = load === undefined ? {} : { load: load(counters) };
    return { id, url, connections: registry.size, maxConnections, draining, startedAt, ...busy };
  }

  /** Letters and messages may have been lost: after Redis was away, or after this edge was given up. */
  function compareEverything(): void {
    reconciler.compareAll();
    feeds.syncAll().catch(onError);
  }

  return {
    id,
    hub,
    slicer,
    registry,
    feeds,
    counters,
    resumes,
    refusals,
    canary,
    compareEverything,
    get draining() {
      return draining;
    },
    get full() {
      return registry.size >= maxConnections;
    },
    /** Whether Redis knows of this edge. Without that it takes no clients, as nobody would believe that it has them. */
    get known() {
      return lease.begun;
    },
    /** Why the lease is not renewed now; null when it is. */
    get leaseFault() {
      return lease.fault;
    },
    /** Resolves when Redis knows of this edge. */
    whenKnown: lease.first,
    /** Renews the lease and does what is due once a second, now: when Redis has just come (back). */
    beat(): Promise<void> {
      return lease.beat().catch(onError);
    },
    /** Begins to live under a URL; gives back the stop. */
    start(advertisedUrl: string): () => void {
      url = advertisedUrl;
      const looks = repeat(() => reconciler.readPending(), { intervalMs: LOOK_MS, onError });
      const stops = [ear.start(), lease.start(), canary.start(), heartbeat.start(), looks];
      return () => stops.forEach((stop) => stop());
    },
    /** Takes no more connections, says goodbye to those there are, and gives their clients up. */
    async leave(seconds: number): Promise<void> {
      draining = true;
      await lease.beat().catch(onError);
      await drain(registry, seconds);
      await releases.flush();
      await lease.end().catch(onError);
    },
  };
}
