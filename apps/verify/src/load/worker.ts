import { type Entry, faultKinds, published, type Verdict } from './checker.ts';
import { ControlApi } from '@holdfast/harness/control-api';
import { EdgeDirectory } from './edge-directory.ts';
import { ClientPool } from './client-pool.ts';
import { clientIdOf, topicNames } from './identity.ts';
import { Inbox } from './inbox.ts';
import { newLatencies } from './report.ts';
import { Registrations } from './registrations.ts';
import { Reception } from './reception.ts';
import { sourceAddresses } from './routes.ts';
import { Spread } from './spread.ts';
import { type Assignment, type Findings, type Progress, type Sample, noProgress } from './worker-protocol.ts';

/** Enough to look for a cause with; the counts are of all. */
const SAMPLES_PER_KIND = 5;

/** The share of one process: some of the clients, from their registration to their end. */
export class Worker {
  readonly #assignment: Assignment;
  readonly #topicNames: readonly string[];
  readonly #topicOfSlot: Uint32Array;
  readonly #control: ControlApi;
  readonly #reception: Reception;
  readonly #latency = newLatencies();
  readonly #inbox: Inbox;
  readonly #clientPool: ClientPool;
  readonly #registrations: Registrations;

  constructor(assignment: Assignment) {
    const { run, worker, clients, topics, topicsPerClient, controlUrl, key, callsAtOnce } = assignment;
    this.#assignment = assignment;
    this.#topicNames = topicNames(run, topics);
    this.#topicOfSlot = topicsOfSlots(assignment);
    this.#control = new ControlApi(controlUrl, key, callsAtOnce);
    const clientIds = Array.from({ length: clients }, (_, index) => this.#clientIdOf(index));
    this.#registrations = new Registrations(this.#control, clientIds, callsAtOnce);
    this.#reception = new Reception(topics, this.#topicOfSlot);
    this.#inbox = new Inbox({
      run: run.id,
      topicNames: this.#topicNames,
      topicOfSlot: this.#topicOfSlot,
      topicsPerClient,
      reception: this.#reception,
      latency: this.#latency,
    });
    this.#clientPool = new ClientPool({
      clients,
      clientIdOf: (index) => clientIds[index] ?? '',
      edges: new EdgeDirectory(this.#control, worker),
      sources: sourceAddresses(run, worker, clients),
      handshakesAtOnce: assignment.handshakesAtOnce,
      inbox: this.#inbox,
    });
  }

  progress(): Progress {
    return {
      ...noProgress,
      registered: this.#registrations.registered,
      connected: this.#clientPool.connected,
      deliveries: this.#inbox.deliveries,
      unregistered: this.#registrations.unregistered,
    };
  }

  /** Registers every client with its topics. Rejects when one is refused for good. */
  async register(signal: AbortSignal): Promise<void> {
    const topicsOf = (index: number) =>
      [...this.#slotsOf(index)].map((slot) => this.#topicNames[this.#topicOfSlot[slot] ?? -1] ?? '');
    await this.#registrations.register(topicsOf, signal);
  }

  /** Opens every client's connection. Resolves when each has its welcome, or was given up. */
  async connect(signal: AbortSignal): Promise<void> {
    await this.#clientPool.connect(signal);
  }

  /** Compares what every client received with what was published on each topic. */
  verify(entries: readonly Entry[][]): Findings {
    const faults = { lost: 0, duplicated: 0, reordered: 0, phantom: this.#inbox.unexpectedCount };
    const samples: Sample[] = this.#inbox.unexpected
      .slice(0, SAMPLES_PER_KIND)
      .map(({ client, topic, id }) => ({ kind: 'phantom', client: this.#numberOf(client), topic, id }));
    let announced = 0;
    this.#reception.judgeAll(entries.map(published), (slot, verdict) => {
      announced += verdict.announced;
      for (const { kind } of verdict.faults) faults[kind] += 1;
      samples.push(...this.#samplesOf(slot, verdict));
    });
    return {
      deliveries: this.#inbox.deliveries,
      faults,
      announced,
      samples: faultKinds.flatMap((kind) => samples.filter((one) => one.kind === kind).slice(0, SAMPLES_PER_KIND)),
      latency: this.#latency.buckets(),
      lastDeliveryAt: this.#inbox.lastDeliveryAt,
      edges: [...this.#clientPool.edgesUsed],
      refusals: this.#clientPool.refusals.counts(),
      closes: this.#clientPool.closes.counts(),
      reconnects: this.#clientPool.reconnects,
      givenUp: this.#clientPool.givenUp,
    };
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

  #samplesOf(slot: number, { faults }: Verdict): Sample[] {
    const client = this.#numberOf(Math.floor(slot / this.#assignment.topicsPerClient));
    const topic = this.#topicNames[this.#topicOfSlot[slot] ?? -1] ?? '';
    return faultKinds.flatMap((kind) =>
      faults
        .filter((fault) => fault.kind === kind)
        .slice(0, 1)
        .map(({ id }) => ({ kind, client, topic, id })),
    );
  }

  /** A client's number in the whole run. */
  #numberOf(index: number): number {
    return this.#assignment.firstClient + index;
  }

  #clientIdOf(index: number): string {
    return clientIdOf(this.#assignment.run, this.#numberOf(index));
  }

  *#slotsOf(index: number): Iterable<number> {
    const { topicsPerClient } = this.#assignment;
    for (let place = 0; place < topicsPerClient; place += 1) yield index * topicsPerClient + place;
  }
}

function topicsOfSlots({ clients, firstClient, topics, topicsPerClient, seed }: Assignment): Uint32Array {
  const spread = new Spread(topics, topicsPerClient, seed);
  const topicOfSlot = new Uint32Array(clients * topicsPerClient);
  for (let index = 0; index < clients; index += 1) {
    topicOfSlot.set(spread.topicsOf(firstClient + index), index * topicsPerClient);
  }
  return topicOfSlot;
}
