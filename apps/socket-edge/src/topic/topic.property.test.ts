import { comparePositions } from '@holdfast/protocol/position-order';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { type TopicHarness, type Listener, topicHarness } from '../testing/topic-harness.ts';
import { turns } from '../testing/turns.ts';

/** Enough for a slow connection to have had enough after a few, and for the replay buffer to lose some. */
const SIZES = [10, 1000, 30_000, 60_000];
/** In a control frame it is more than a socket holds before its connection has enough. */
const OTHER_TOPIC = 'x'.repeat(70_000);
const TIMEOUT_MS = 240_000;
/**
 * A case of a hundred steps shrinks for minutes, and a test that is stopped by its timeout reports neither its seed nor a
 * case. Past this the smallest case so far is reported. Without a failure all runs together take a few seconds, and
 * on a busy machine some more.
 */
const MOST_MS = TIMEOUT_MS / 2;
/** What waits for a socket at most: the mark, the last write past it, and control frames. */
const MOST_BUFFERED = 256 * 1024 + 10 * Math.max(...SIZES);

/** Of the clients there are, by its remainder. */
const which = fc.nat({ max: 99 });
const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      publish: fc.constantFrom(...SIZES),
      how: fc.constantFrom('received', 'dropped', 'late', 'twice'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ burst: fc.integer({ min: 2, max: 200 }), received: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ deliverLate: fc.nat({ max: 10 }) }) },
  { weight: 4, arbitrary: fc.record({ trimTo: fc.integer({ min: 0, max: 8 }) }) },
  { weight: 1, arbitrary: fc.record({ away: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ stop: which }) },
  { weight: 2, arbitrary: fc.record({ fill: which }) },
  { weight: 3, arbitrary: fc.record({ drain: which }) },
  { weight: 3, arbitrary: fc.record({ reconnect: which, resume: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ look: fc.constant(true) }) },
  { weight: 5, arbitrary: fc.record({ turns: fc.integer({ min: 1, max: 6 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A client over several connections: where it began, and all it was given since, in order. */
interface Client {
  start: string;
  seen: string;
  steps: { kind: 'message' | 'lost'; from: string; to: string }[];
  listener: Listener | null;
  taken: number;
}

class Run {
  readonly harness: TopicHarness = topicHarness();
  readonly published: string[] = [];
  readonly trimmed = new Set<string>();
  readonly clients: Client[] = [];
  mostBuffered = 0;
  readonly #late: Parameters<TopicHarness['receive']>[0][] = [];
  #joining: Promise<void>[] = [];

  async begin(clients: number, sliced: boolean): Promise<void> {
    this.harness.deps.sliced = sliced;
    await this.harness.opened();
    for (let index = 0; index < clients; index += 1) {
      const listener = this.harness.join();
      this.clients.push({ start: listener.start, seen: listener.start, steps: [], listener, taken: 0 });
    }
  }

  async do(each: Step): Promise<void> {
    const { harness } = this;
    if ('publish' in each) this.#publish(each.publish, each.how);
    else if ('burst' in each) {
      for (let count = 0; count < each.burst; count += 1) this.#publish(10, each.received ? 'received' : 'dropped');
    } else if ('deliverLate' in each) {
      const [entry] = this.#late.splice(each.deliverLate % Math.max(1, this.#late.length), 1);
      if (entry) harness.receive(entry);
    } else if ('trimTo' in each) this.#trim(each.trimTo);
    else if ('away' in each) harness.deps.away = each.away;
    else if ('stop' in each) this.#socket(each.stop, (listener) => (listener.socket.stopped = true));
    else if ('fill' in each) this.#socket(each.fill, fill);
    else if ('drain' in each) this.#socket(each.drain, drain);
    else if ('reconnect' in each) this.#reconnect(each.reconnect, each.resume);
    else if ('look' in each) void harness.topic.sequencer.sync();
    else await turns(each.turns);
  }

  /** Redis answers, everybody reads, and what was missed is looked for: nothing may be wanting after that. */
  async end(): Promise<void> {
    this.harness.deps.away = false;
    for (let round = 0; round < 30; round += 1) {
      void this.harness.topic.sequencer.sync();
      await Promise.all(this.#joining);
      await turns(40);
      for (const [index] of this.clients.entries()) this.#socket(index, drain);
    }
    for (const client of this.clients) this.#take(client);
  }

  #publish(bytes: number, how: 'received' | 'dropped' | 'late' | 'twice'): void {
    const { log } = this.harness;
    const oldest = log.entries[0];
    const entry = log.append(Buffer.from(`"${'x'.repeat(bytes)}"`));
    this.published.push(entry.id);
    // The history is full.
    if (oldest !== undefined && log.entries[0] !== oldest) this.trimmed.add(oldest.id);
    if (how === 'late') this.#late.push(entry);
    if (how === 'received' || how === 'twice') this.harness.receive(entry);
    if (how === 'twice') {
      this.harness.receive(entry);
      this.#late.push(entry);
    }
  }

  #trim(keep: number): void {
    const { log } = this.harness;
    const before = log.entries.map(({ id }) => id);
    log.trim(keep);
    const kept = new Set(log.entries.map(({ id }) => id));
    for (const id of before) if (!kept.has(id)) this.trimmed.add(id);
  }

  #socket(index: number, act: (listener: Listener) => void): void {
    const listener = this.clients[index % this.clients.length]?.listener;
    if (listener) act(listener);
  }

  /** What came on the client's connection since the last time. */
  #take(client: Client): void {
    if (!client.listener) return;
    const { frames } = client.listener.socket;
    for (const frame of frames.slice(client.taken)) {
      if (frame.type === 'message') client.steps.push({ kind: 'message', from: client.seen, to: frame.id });
      else if (frame.type === 'lost') client.steps.push({ kind: 'lost', from: frame.after, to: frame.position });
      if (frame.type === 'message') client.seen = frame.id;
      else if (frame.type === 'lost') client.seen = frame.position;
    }
    client.taken = frames.length;
    this.mostBuffered = Math.max(this.mostBuffered, client.listener.socket.mostBufferedBytes);
  }

  /** The connection is cut, and another one continues where the client stands; or begins anew at the end. */
  #reconnect(index: number, resume: boolean): void {
    const client = this.clients[index % this.clients.length];
    if (!client?.listener) return;
    this.#take(client);
    client.listener.connection.end();
    client.listener = null;
    this.#joining.push(resume ? this.#resume(client) : this.#restart(client));
  }

  async #resume(client: Client): Promise<void> {
    for (;;) {
      try {
        const verdict = await this.harness.topic.judge(client.seen, client.start);
        if (verdict === null) throw new Error('the topic is there');
        if (!verdict.recovered) {
          client.steps.push({ kind: 'lost', from: client.seen, to: verdict.position });
          client.seen = verdict.position;
        }
        this.#joinAt(client, verdict.position);
        return;
      } catch {
        // Redis is away: the client comes again.
        await turns(3);
      }
    }
  }

  async #restart(client: Client): Promise<void> {
    await turns(1);
    client.start = this.harness.topic.lastSent;
    client.seen = client.start;
    client.steps = [];
    this.#joinAt(client, client.start);
  }

  #joinAt(client: Client, position: string): void {
    client.taken = 0;
    client.listener = this.harness.join(position);
  }
}

/** Something else than this topic fills the socket, of which nothing is taken. */
function fill({ socket, connection }: Listener): void {
  socket.stopped = true;
  if (!connection.congested) connection.sendControl({ type: 'unsubscribed', topic: OTHER_TOPIC, reason: 'requested' });
}

function drain({ socket, connection }: Listener): void {
  socket.resume();
  connection.onDrain();
}

/** Promises 1 and 2: in order, none twice, and what is missing lies where it was announced, and was gone indeed. */
function faultsOf(run: Run, client: Client): string[] {
  const { start, steps } = client;
  const faults: string[] = [];
  for (const [index, { kind, from, to }] of steps.entries()) {
    if (from !== (steps[index - 1]?.to ?? start)) faults.push(`${kind} from ${from} does not follow`);
    if (comparePositions(to, from) <= 0) faults.push(`${kind} ${from} to ${to} goes back`);
  }
  const lost = steps.filter(({ kind }) => kind === 'lost');
  for (const each of lost) {
    if (!run.published.some((id) => isWithin(id, each) && run.trimmed.has(id)))
      faults.push(`nothing was lost to ${each.to}`);
  }
  const got = new Set(steps.filter(({ kind }) => kind === 'message').map(({ to }) => to));
  for (const id of run.published) {
    const announced = lost.some((each) => isWithin(id, each));
    if (got.has(id) && announced) faults.push(`${id} was called lost`);
    if (!got.has(id) && !announced && comparePositions(id, start) > 0) faults.push(`${id} is missing`);
  }
  return faults;
}

function isWithin(id: string, { from, to }: { from: string; to: string }): boolean {
  return comparePositions(id, from) > 0 && comparePositions(id, to) <= 0;
}

it.each([
  ['few of them', 4, 150, false],
  // More than are sent to between two looks at the clock.
  ['many of them, in slices', 40, 40, true],
])(
  'whatever happens, clients receive in order, nothing twice, and know of everything they lack: %s',
  { timeout: TIMEOUT_MS },
  async (_, clients, numRuns, sliced) => {
    let lost = 0;
    let catchUps = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120, size: 'max' }), async (steps) => {
        const run = new Run();
        await run.begin(clients, sliced);
        for (const each of steps) await run.do(each);
        await run.end();
        expect(run.clients.flatMap((client) => faultsOf(run, client))).toEqual([]);
        expect(run.mostBuffered).toBeLessThan(MOST_BUFFERED);
        lost += run.clients.flatMap(({ steps: taken }) => taken).filter(({ kind }) => kind === 'lost').length;
        catchUps += run.harness.counters.catchUps;
      }),
      { numRuns, plugins: [fc.interruptAfterTimeLimit(MOST_MS, { failOnInterrupt: true })] },
    );
    // What is tested did take place.
    expect(lost).toBeGreaterThan(10);
    expect(catchUps).toBeGreaterThan(10);
  },
);
