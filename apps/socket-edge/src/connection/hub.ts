import { setTimeout as delay } from 'node:timers/promises';
import type { EdgeBroker } from '@holdfast/broker/broker';
import { type ClientState, connectionName, parseStart } from '@holdfast/broker/client-state';
import { closeCodes } from '@holdfast/protocol/close-codes';
import { decodeUpFrame } from '@holdfast/protocol/up';
import { traceResume } from '@holdfast/service/tracing';
import { type AttachDeps, type Resumption, attach } from './attach.ts';
import { closeReason } from './close-reason.ts';
import { Claim, type PendingHandshakes } from './claim.ts';
import { claimTraces } from './claim-traces.ts';
import type { SocketHandler } from '../transport/socket-handler.ts';
import type { Transport } from '../transport/transport.ts';
import { Connection } from './connection.ts';
import { connectionIdentity } from './identity.ts';
import type { Reconciler } from '../client/reconcile.ts';
import { Arrivals } from '../evidence/arrivals.ts';
import { doubtfulMs, inTimeOfRedis, neverOpened } from '../evidence/connection-evidence.ts';
import type { PastNotes } from '../evidence/past-notes.ts';
import type { Releases } from '../client/releases.ts';
import { ResumeFrames } from './resume-frames.ts';
import type { ResumeLimit } from './resume-limit.ts';
import type { ConnectionRegistry } from './registry.ts';
import type { Losses } from '../topic/losses.ts';
import type { Counters } from '../counters.ts';

/** How long the look-up of the start positions may take; then the client is asked to come back later. */
const ATTACH_DEADLINE_MS = 5000;

export interface HubDeps extends AttachDeps {
  broker: EdgeBroker;
  registry: ConnectionRegistry;
  releases: Releases;
  pastNotes: PastNotes;
  pending: PendingHandshakes;
  reconciler: Reconciler;
  resumes: ResumeLimit;
  counters: Counters;
  losses: Losses;
  /** How long the `resume` frame of a connection that announced one is awaited. */
  resumeDeadlineMs: number;
  /** The clock of this process less that of Redis, in milliseconds; undefined while it is not known. */
  clockDifferenceMs?: () => number | undefined;
  /** Something failed by a fault of this edge or of Redis. */
  onError: (error: unknown) => void;
}

/** From a handshake to the end of a connection: claims, welcomes, reads what clients send, releases. */
export class Hub implements SocketHandler<Connection> {
  readonly #deps: HubDeps;
  readonly #deadlines = new Map<Connection, NodeJS.Timeout>();
  readonly #resumeFrames = new ResumeFrames();
  readonly arrivals = new Arrivals();

  constructor(deps: HubDeps) {
    this.#deps = deps;
  }

  /** Claims a client for a new connection. Null: not registered. Rejects when Redis does not answer. */
  async claim(clientId: string): Promise<Claim | null> {
    const { broker, edge, pending, reconciler } = this.#deps;
    pending.begin(clientId);
    const read = reconciler.nextRead();
    const sentAt = performance.now();
    try {
      const outcome = await broker.claim({ clientId, edge });
      if (outcome.kind === 'claimed' || outcome.kind === 'owned-by-other') {
        return new Claim(outcome, read, sentAt, this);
      }
    } catch (error) {
      // It may have come about, with only the answer lost: then this edge owns the client without a connection.
      pending.end(clientId);
      reconciler.onClaimFailed(clientId);
      throw error;
    }
    if (pending.end(clientId)) reconciler.reread(clientId);
    return null;
  }

  /** Whether all of a client's topics are subscribed already, as they mostly are. */
  isSubscribed({ client }: Claim): boolean {
    for (const [topic, start] of client.topics) {
      if (!this.#deps.topics.isOpen(topic, parseStart(start).incarnation)) return false;
    }
    return true;
  }

  /**
   * Resolves when all of a client's topics are subscribed, before its handshake is answered: from the moment in which the
   * connection is open nothing is missed. False when it takes too long, as Redis does not answer.
   */
  async whenSubscribed({ client }: Claim): Promise<boolean> {
    const topics = [...client.topics].map(([topic, start]) =>
      this.#deps.topics.open(topic, parseStart(start).incarnation),
    );
    const over = new AbortController();
    try {
      const all = Promise.all(topics.map(({ ready }) => ready)).then(() => true);
      return await Promise.race([all, delay(ATTACH_DEADLINE_MS, false, { signal: over.signal })]);
    } finally {
      over.abort();
      for (const topic of topics) topic.release();
    }
  }

  /** For `Claim.abandon`. */
  abandon({ client: { clientId, incarnation, lastGeneration }, generation, isOwner }: Claim): void {
    const { pending, pastNotes, edge, releases, reconciler } = this.#deps;
    const changed = pending.end(clientId);
    if (!isOwner) {
      if (changed) reconciler.reread(clientId);
      return;
    }
    const connection = connectionName(generation);
    const end = neverOpened(lastGeneration);
    const past = { generation, edge, connection, incarnation, to: this.#redisNow(), reason: 'lost', end } as const;
    pastNotes.add({ clientId, past });
    releases.add({ clientId, generation, reason: 'lost', onReleased: () => reconciler.reread(clientId) });
  }

  /** For `Claim.open`. */
  open(claim: Claim, transport: Transport, resume: boolean, watches: boolean): Connection {
    const { registry, pending, reconciler, counters, losses } = this.#deps;
    const { client, isOwner } = claim;
    const connection = new Connection(claim, transport, resume ? 'awaiting-resume' : 'attaching', counters, losses);
    connection.identity = connectionIdentity(client.identity, watches);
    connection.changedMeanwhile = pending.end(client.clientId);
    // It may take the client from handshakes that are under way, and end before they do.
    pending.onChange(client.clientId);
    // Only acknowledged: what had ended before is not for this connection.
    if (client.closed.size > 0) {
      connection.closedBefore = client.closed;
      connection.digest = 0;
      connection.changedMeanwhile = true;
    }
    counters.handshakesAccepted += 1;
    const older = registry.add(connection);
    older?.close(older.incarnation === client.incarnation ? closeCodes.replaced : closeCodes.unregistered);
    if (connection.phase === 'closed') {
      if (connection.changedMeanwhile) reconciler.reread(client.clientId);
      return connection;
    }
    if (!isOwner) reconciler.takeOver(connection);
    if (resume) {
      connection.awaiting = { claimed: client, present: client };
      this.#deadline(connection, this.#deps.resumeDeadlineMs, () =>
        connection.close(closeCodes.tooSlow, 'no resume frame came'),
      );
      if (connection.changedMeanwhile) reconciler.reread(client.clientId);
    } else {
      void this.#attach(connection, client, null);
    }
    return connection;
  }

  onText(connection: Connection, text: string): void {
    const decoded = decodeUpFrame(text);
    if (!decoded.ok) this.onBadFrame(connection, decoded.why);
    else if (decoded.frame.type === 'ping') connection.pong();
    else if (connection.phase !== 'awaiting-resume' || connection.awaiting === null) {
      this.onBadFrame(connection, 'resume: only as the first frames of a connection opened with ?resume=1');
    } else {
      const collected = this.#resumeFrames.add(connection, decoded.frame);
      if (collected.kind === 'refused') return this.onBadFrame(connection, collected.why);
      if (collected.kind === 'more') return;
      const { claimed, present } = connection.awaiting;
      connection.awaiting = null;
      connection.phase = 'attaching';
      const resume = { positions: collected.positions, claimed };
      // As many of them may be read in one turn as there are clients of an edge that died.
      const traced = { claim: claimTraces.get(claimed), topics: resume.positions.size };
      void traceResume(traced, () => this.#deps.slicer.run(() => this.#attach(connection, present, resume)));
    }
  }

  /** A protocol violation closes the connection. */
  onBadFrame(connection: Connection, why: string): void {
    this.#deps.counters.badFrames += 1;
    connection.close(closeCodes.badFrame, closeReason(`bad-frame: ${why}`));
  }

  /** It went on sending more frames, or bytes, than one connection may. */
  onTooManyFrames(connection: Connection): void {
    if (connection.phase !== 'closed') this.#deps.counters.tooManyFrames += 1;
    connection.close(closeCodes.tooManyFrames);
  }

  onPong(connection: Connection, payload: Buffer): void {
    this.arrivals.onPong(connection, payload);
  }

  onDrain(connection: Connection): void {
    connection.onDrain();
    if (connection.phase !== 'open') return;
    this.#deps.inbox.deliver(connection).catch(() => this.#deps.reconciler.reapply(connection));
  }

  /**
   * The socket is gone.
   * @param closed the client sent a close frame: by itself, or as the answer to one that followed all that it was sent
   */
  onClosed(connection: Connection, closed = false): void {
    this.#clearDeadline(connection);
    connection.end();
    this.#deps.registry.remove(connection);
    this.#deps.authorizations.remove(connection);
    this.#deps.resumes.onCaughtUp(connection.clientId, connection.caughtUpBytes);
    const { clientId, generation, endReason: reason } = connection;
    // First, so that a client without an owner has its note.
    this.#remember(connection, closed);
    this.#deps.releases.add({ clientId, generation, reason });
  }

  /** Notes what is known of a connection that has ended, unless its client is gone with it. */
  #remember(connection: Connection, closed: boolean): void {
    const { pastNotes, edge, heartbeatMs } = this.#deps;
    const { id, clientId, incarnation, generation, story, endReason: reason } = connection;
    if (reason === 'unregistered' || !('upTo' in story)) return;
    const known = inTimeOfRedis(story, this.#aheadMs);
    const end = closed ? known : { ...known, doubtfulMs: doubtfulMs(connection, heartbeatMs) };
    const to = this.#redisNow();
    pastNotes.add({ clientId, past: { generation, edge, connection: id, incarnation, to, reason, end } });
  }

  /** This clock less that of Redis, in milliseconds. */
  get #aheadMs(): number {
    return this.#deps.clockDifferenceMs?.() ?? 0;
  }

  /** Milliseconds since the epoch, by the clock of Redis. */
  #redisNow(): number {
    return Date.now() - Math.round(this.#aheadMs);
  }

  async #attach(connection: Connection, client: ClientState, resume: Resumption | null): Promise<void> {
    // It may have ended while it waited for its turn.
    if (connection.phase !== 'attaching') return;
    try {
      const attaching = attach(this.#deps, connection, client, resume);
      // Most are done by now.
      if (connection.phase === 'attaching') {
        this.#deadline(connection, ATTACH_DEADLINE_MS, () => connection.close(closeCodes.tryLater));
      }
      await attaching;
    } catch (error) {
      this.#deps.onError(error);
      // Redis is away. Before the welcome the client had better come again; after it, only its inbox is missing.
      if (connection.phase === 'attaching') connection.close(closeCodes.tryLater);
      else connection.changedMeanwhile = true;
    }
    this.#clearDeadline(connection);
    if (connection.changedMeanwhile) this.#deps.reconciler.reapply(connection);
    connection.changedMeanwhile = false;
  }

  #deadline(connection: Connection, ms: number, then: () => void): void {
    this.#clearDeadline(connection);
    this.#deadlines.set(connection, setTimeout(then, ms));
  }

  #clearDeadline(connection: Connection): void {
    clearTimeout(this.#deadlines.get(connection));
    this.#deadlines.delete(connection);
  }
}
