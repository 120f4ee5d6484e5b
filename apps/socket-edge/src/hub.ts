import { setTimeout as delay } from 'node:timers/promises';
import type { EdgeBroker } from '@holdfast/broker/broker';
import type { ClientState } from '@holdfast/broker/client-state';
import { closeCodes } from '@holdfast/protocol/close-codes';
import type { Position } from '@holdfast/protocol/position-order';
import { decodeUpFrame } from '@holdfast/protocol/up';
import { type AttachWorld, attach } from './attach.ts';
import { Connection, type Transport } from './connection.ts';
import type { Openings } from './openings.ts';
import type { Releases } from './releases.ts';
import type { ResumeLimit } from './resume-limit.ts';
import type { Roster } from './roster.ts';
import type { Tally } from './tally.ts';

/** How long finding out where the topics stand may take; then the client comes back later. */
const ATTACH_DEADLINE_MS = 5000;
const CONNECTION_ID_BASE = 36;
/** Claims without an answer that are taken back; a storm while Redis is away must not fill the memory. */
const MAX_UNSURE = 10_000;

/** The right to a client, won in Redis by a handshake that is not finished yet. */
export interface Claim {
  connectionId: string;
  client: ClientState;
  /** The other edge that had the client before; null when none had. */
  rival: string | null;
}

export interface HubWorld extends AttachWorld {
  broker: EdgeBroker;
  roster: Roster;
  releases: Releases;
  openings: Openings;
  resumes: ResumeLimit;
  tally: Tally;
  /** The client's state changed while its connection was being attached: it must be looked at again. */
  onChangedMeanwhile: (clientId: string) => void;
  /** How long the `resume` frame of a connection that announced one is awaited. */
  resumeDeadlineMs: number;
  /** Something failed that is nobody's fault but ours. */
  onError: (error: unknown) => void;
}

/** From a handshake to the end of a connection: claims, welcomes, reads what clients say, releases. */
export class Hub {
  readonly #world: HubWorld;
  readonly #deadlines = new Map<Connection, NodeJS.Timeout>();
  #connections = 0;

  constructor(world: HubWorld) {
    this.#world = world;
  }

  /** Makes this edge the owner of a client. Null: not registered. Rejects when Redis does not answer. */
  async claim(clientId: string): Promise<Claim | null> {
    const { broker, edge, releases, openings } = this.#world;
    this.#connections += 1;
    const connectionId = this.#connections.toString(CONNECTION_ID_BASE);
    openings.begin(clientId);
    const outcome = await broker.claim(clientId, edge, connectionId).catch((error: unknown) => {
      // It may have come about, with only the answer lost: then a connection would own the client that never was.
      if (releases.size < MAX_UNSURE) releases.add(clientId, connectionId);
      openings.end(clientId);
      throw error;
    });
    if (outcome.kind === 'unknown') {
      openings.end(clientId);
      return null;
    }
    const previous = outcome.kind === 'claimed' ? outcome.previous : null;
    return {
      connectionId,
      client: outcome.client,
      rival: previous !== null && previous.edge !== edge ? previous.edge : null,
    };
  }

  /** Whether all of a client's topics are heard already, as they mostly are. */
  hearsNow({ client }: Claim): boolean {
    for (const topic of client.topics.keys()) if (!this.#world.feeds.isOpen(topic)) return false;
    return true;
  }

  /**
   * Waits until all of a client's topics are heard, before its handshake is answered: whoever sees the connection open
   * has missed nothing from then on. False when it takes too long, as Redis does not answer.
   */
  async hears({ client }: Claim): Promise<boolean> {
    const feeds = [...client.topics.keys()].map((topic) => this.#world.feeds.open(topic));
    const over = new AbortController();
    try {
      const all = Promise.all(feeds.map(({ ready }) => ready)).then(() => true);
      return await Promise.race([all, delay(ATTACH_DEADLINE_MS, false, { signal: over.signal })]);
    } finally {
      over.abort();
      for (const feed of feeds) feed.release();
    }
  }

  /**
   * The handshake behind a claim did not come about. Who had the client before still has its connection, for only a
   * finished handshake ends that, and is told to claim it again.
   */
  abandon({ client, connectionId, rival }: Claim): void {
    this.#world.openings.end(client.clientId);
    this.#world.releases.add(client.clientId, connectionId, () => this.#tell(rival, client.clientId));
  }

  /** The handshake is done: begins the connection, and ends the older one of the client. With `resume` its first frame is awaited before the welcome. */
  open({ connectionId, client, rival }: Claim, transport: Transport, resume: boolean): Connection {
    const { roster, openings, tally } = this.#world;
    const phase = resume ? 'awaiting-resume' : 'attaching';
    const connection = new Connection(connectionId, client.clientId, transport, phase, client.ownPosition, tally);
    connection.registeredAt = client.registeredAt;
    connection.changedMeanwhile = openings.end(client.clientId);
    tally.handshakesAccepted += 1;
    const older = roster.add(connection);
    if (older) older.close(closeCodes.replaced);
    this.#tell(rival, client.clientId);
    if (resume) {
      connection.awaiting = client;
      this.#deadline(connection, this.#world.resumeDeadlineMs, () =>
        connection.close(closeCodes.tooSlow, 'no resume frame came'),
      );
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
      this.onBadFrame(connection, 'resume: only as the first frame of a connection opened with ?resume=1');
    } else {
      const client = connection.awaiting;
      connection.awaiting = null;
      connection.phase = 'attaching';
      const positions = new Map(Object.entries(decoded.frame.positions));
      // As many of them may be read in one turn as there are clients of an edge that died.
      void this.#world.pace.run(() => this.#attach(connection, client, positions));
    }
  }

  /** Anything that is no frame of ours ends the connection. */
  onBadFrame(connection: Connection, why: string): void {
    this.#world.tally.badFrames += 1;
    connection.close(closeCodes.badFrame, closeReason(`bad-frame: ${why}`));
  }

  /** It went on sending more frames, or bytes, than one connection may. */
  onTooManyFrames(connection: Connection): void {
    if (connection.phase !== 'closed') this.#world.tally.tooManyFrames += 1;
    connection.close(closeCodes.tooManyFrames);
  }

  onDrain(connection: Connection): void {
    connection.onDrain();
    if (connection.phase !== 'open') return;
    this.#world.ownTopic.deliver(connection).catch(() => this.#world.onChangedMeanwhile(connection.clientId));
  }

  /** The socket is gone. */
  onClosed(connection: Connection): void {
    this.#clearDeadline(connection);
    connection.end();
    this.#world.roster.remove(connection);
    this.#world.resumes.onCaughtUp(connection.clientId, connection.caughtUpBytes);
    this.#world.releases.add(connection.clientId, connection.id);
  }

  async #attach(
    connection: Connection,
    client: ClientState,
    positions: ReadonlyMap<string, Position> | null,
  ): Promise<void> {
    // It may have ended while it waited for its turn.
    if (connection.phase !== 'attaching') return;
    try {
      const attaching = attach(this.#world, connection, client, positions);
      // Most are done by now.
      if (connection.phase === 'attaching') {
        this.#deadline(connection, ATTACH_DEADLINE_MS, () => connection.close(closeCodes.tryLater));
      }
      await attaching;
    } catch (error) {
      this.#world.onError(error);
      // Redis is away. Before the welcome the client had better come again; after it, only its own topic is wanting.
      if (connection.phase === 'attaching') connection.close(closeCodes.tryLater);
      else connection.changedMeanwhile = true;
    }
    this.#clearDeadline(connection);
    if (connection.changedMeanwhile) this.#world.onChangedMeanwhile(connection.clientId);
    connection.changedMeanwhile = false;
  }

  /** Should Redis go away just now, the other edge finds out when it compares its clients after the reconnect. */
  #tell(edge: string | null, clientId: string): void {
    if (edge !== null) this.#world.broker.ring(edge, clientId).catch(this.#world.onError);
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

/** What fits beside the code into a close frame (RFC 6455, section 5.5). */
const MAX_REASON_BYTES = 123;

/** As many whole characters as fit: ws throws at a longer reason, and what a client sent may stand in it. */
function closeReason(text: string): string {
  const bytes = Buffer.alloc(MAX_REASON_BYTES);
  return bytes.toString('utf8', 0, new TextEncoder().encodeInto(text, bytes).written);
}
