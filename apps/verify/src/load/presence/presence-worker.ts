import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '@holdfast/harness/clock';
import { ControlApi } from '@holdfast/harness/control-api';
import { mixSeeds, seededRandom } from '@holdfast/harness/random';
import { ClientPool } from '../client-pool.ts';
import { EdgeDirectory } from '../edge-directory.ts';
import { clientIdOf, topicNames } from '../identity.ts';
import { Registrations } from '../registrations.ts';
import { sourceAddresses } from '../routes.ts';
import { type Assignment, type PresenceAssignment, type Progress, noProgress } from '../worker-protocol.ts';
import { Churn } from './churn.ts';
import { differences } from './compare.ts';
import {
  type PresenceFaultKind,
  type PresenceFindings,
  type PresenceSample,
  type Present,
  type Received,
  nothingReceived,
  presenceFaultKinds,
} from './findings.ts';
import { infoOf } from './member-info.ts';
import { PresenceInbox } from './presence-inbox.ts';
import { WatchedMap } from './watched-map.ts';

/** What presence promises after anything at all. */
const RIGHT_WITHIN_MS = 15_000;
/** Versions come four times a second: after so long without one there is none on its way. */
const QUIET_MS = 1_000;
const LOOK_MS = 50;
const SAMPLES_PER_KIND = 3;

/** The share of one process in a run that verifies presence: members of one topic, the first of which watch. */
export class PresenceWorker {
  readonly #assignment: Assignment;
  readonly #topic: string;
  readonly #control: ControlApi;
  readonly #registrations: Registrations;
  readonly #maps: readonly WatchedMap[];
  readonly #inbox: PresenceInbox;
  readonly #clientPool: ClientPool;
  readonly #churn: Churn;
  readonly #faults = Object.fromEntries(presenceFaultKinds.map((kind) => [kind, 0])) as Record<
    PresenceFaultKind,
    number
  >;
  readonly #samples: PresenceSample[] = [];
  #connectedAt = 0;

  constructor(assignment: Assignment, presence: PresenceAssignment) {
    const { run, worker, clients, firstClient, controlUrl, key, callsAtOnce, handshakesAtOnce, seed } = assignment;
    this.#assignment = assignment;
    this.#topic = topicNames(run, 1)[0] ?? '';
    this.#control = new ControlApi(controlUrl, key, callsAtOnce);
    const clientIds = Array.from({ length: clients }, (_, index) => clientIdOf(run, firstClient + index));
    this.#registrations = new Registrations(this.#control, clientIds, callsAtOnce);
    this.#maps = Array.from(
      { length: presence.watchers },
      (_, index) => new WatchedMap((kind, detail) => this.#book(index, kind, detail)),
    );
    this.#inbox = new PresenceInbox(this.#topic, this.#maps, (client, text) => this.#book(client, 'unasked', text));
    this.#clientPool = new ClientPool({
      clients,
      clientIdOf: (index) => clientIds[index] ?? '',
      edges: new EdgeDirectory(this.#control, worker),
      sources: sourceAddresses(run, worker, clients),
      handshakesAtOnce,
      inbox: this.#inbox,
      watches: (index) => index < presence.watchers,
    });
    this.#churn = new Churn({
      pool: this.#clientPool,
      clients: Array.from({ length: clients }, (_, index) => index).slice(presence.watchers),
      rate: presence.churn,
      seconds: presence.seconds,
      random: seededRandom(mixSeeds(seed, worker)),
    });
  }

  progress(): Progress {
    return {
      ...noProgress,
      registered: this.#registrations.registered,
      connected: this.#clientPool.connected,
      unregistered: this.#registrations.unregistered,
      changes: this.#churn.joins + this.#churn.leaves,
    };
  }

  /** Registers every client. Rejects when one is refused for good. */
  async register(signal: AbortSignal): Promise<void> {
    const { run, firstClient } = this.#assignment;
    const topics = [this.#topic];
    await this.#registrations.register(
      () => topics,
      signal,
      (index) => infoOf(run, firstClient + index),
    );
  }

  /** Opens every client's connection. Resolves when each has its welcome, or was given up. */
  async connect(signal: AbortSignal): Promise<void> {
    await this.#clientPool.connect(signal);
    this.#connectedAt = monotonicMs();
  }

  async churn(signal: AbortSignal): Promise<void> {
    await this.#clientPool.whileMoving(() => this.#churn.run(signal));
  }

  present(): Present {
    const { clients, firstClient } = this.#assignment;
    const { joins, leaves, lastAt } = this.#churn;
    return {
      clients: Array.from({ length: clients }, (_, index) => index)
        .filter((index) => this.#clientPool.isConnected(index))
        .map((index) => firstClient + index),
      joins,
      leaves,
      lastChangeAt: lastAt ?? this.#connectedAt,
    };
  }

  /** Waits until every map shows exactly these clients and nothing more comes, at most 15 s, and compares. */
  async watched(clients: readonly number[], signal: AbortSignal): Promise<PresenceFindings> {
    const present = new Set(clients);
    const { run } = this.#assignment;
    const giveUpAt = performance.now() + RIGHT_WITHIN_MS;
    // A map of thousands is compared once a version.
    const compared = new Map<WatchedMap, { version: number | null; isRight: boolean }>();
    const isRight = (map: WatchedMap) => {
      if (compared.get(map)?.version !== map.version) {
        const isEqual = map.members.size === present.size && differences(run, map.members, present).length === 0;
        compared.set(map, { version: map.version, isRight: isEqual });
      }
      return compared.get(map)?.isRight === true;
    };
    const isQuiet = () => monotonicMs() - (this.#inbox.lastFrameAt ?? 0) >= QUIET_MS;
    while (performance.now() < giveUpAt && !(isQuiet() && this.#maps.every(isRight))) {
      await delay(LOOK_MS, undefined, { signal });
    }
    for (const [index, map] of this.#maps.entries()) {
      for (const { kind, detail } of differences(run, map.members, present)) this.#book(index, kind, detail);
    }
    return this.#findings(this.#maps.every(isRight));
  }

  /**
   * Unregisters every client, also one whose registration is not known to have succeeded; the edges close their
   * connections.
   */
  async cleanUp(): Promise<void> {
    this.#clientPool.expectGoodbyes();
    try {
      await this.#registrations.unregister();
    } finally {
      this.#clientPool.destroy();
      this.#control.close();
    }
  }

  #findings(isRight: boolean): PresenceFindings {
    const received: Received = { ...nothingReceived };
    for (const map of this.#maps) {
      for (const name of Object.keys(received) as (keyof Received)[]) received[name] += map.received[name];
    }
    return {
      watchers: this.#maps.length,
      isRight,
      received,
      lastFrameAt: this.#inbox.lastFrameAt,
      faults: { ...this.#faults },
      samples: this.#samples,
      edges: [...this.#clientPool.edgesUsed],
      refusals: this.#clientPool.refusals.counts(),
      closes: this.#clientPool.closes.counts(),
      reconnects: this.#clientPool.reconnects,
      givenUp: this.#clientPool.givenUp,
    };
  }

  #book(index: number, kind: PresenceFaultKind, detail: string): void {
    this.#faults[kind] += 1;
    if (this.#faults[kind] > SAMPLES_PER_KIND) return;
    this.#samples.push({ kind, watcher: this.#assignment.firstClient + index, detail });
  }
}
