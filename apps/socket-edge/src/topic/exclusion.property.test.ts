import { comparePositions } from '@holdfast/protocol/position-order';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Listener, topicHarness } from '../testing/topic-harness.ts';
import { turns } from '../testing/turns.ts';

/** The replay buffer holds three of the largest, so that what a slow subscriber lacks is also read from the log. */
const SIZES = [10, 1000, 300_000];
/** In a control frame it is more than a socket holds before its connection has enough. */
const OTHER_TOPIC = 'x'.repeat(70_000);
const TIMEOUT_MS = 240_000;
/** Past this the smallest failing case so far is reported. */
const MOST_MS = TIMEOUT_MS / 2;

/** Of the subscribers there are, by its remainder. */
const which = fc.nat({ max: 99 });
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      publish: fc.constantFrom(...SIZES),
      how: fc.constantFrom('received', 'dropped', 'late'),
      except: fc.option(which),
    }),
  },
  { weight: 2, arbitrary: fc.record({ burst: fc.integer({ min: 2, max: 40 }), except: which }) },
  { weight: 2, arbitrary: fc.record({ join: fc.constant(true) }) },
  { weight: 1, arbitrary: fc.record({ leave: which }) },
  { weight: 3, arbitrary: fc.record({ fill: which }) },
  { weight: 3, arbitrary: fc.record({ drain: which }) },
  { weight: 2, arbitrary: fc.record({ deliverLate: fc.constant(true) }) },
  { weight: 5, arbitrary: fc.record({ turns: fc.integer({ min: 1, max: 4 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Published {
  id: string;
  /** The subscriber that does not get it; null when all do. */
  except: Listener | null;
}

class Run {
  readonly harness = topicHarness();
  readonly published: Published[] = [];
  readonly listeners: Listener[] = [];
  readonly #late: Parameters<typeof this.harness.receive>[0][] = [];

  async begin(listeners: number, sliced: boolean): Promise<void> {
    this.harness.deps.sliced = sliced;
    await this.harness.opened();
    for (let count = 0; count < listeners; count += 1) this.#join();
  }

  async do(each: Step): Promise<void> {
    if ('publish' in each) this.#publish(each.publish, each.how, each.except);
    else if ('burst' in each) {
      for (let count = 0; count < each.burst; count += 1) {
        this.#publish(10, 'received', count % 3 === 0 ? each.except : null);
      }
    } else if ('join' in each) this.#join();
    else if ('leave' in each) this.#one(each.leave).connection.end(true);
    else if ('fill' in each) fill(this.#one(each.fill));
    else if ('drain' in each) drain(this.#one(each.drain));
    else if ('deliverLate' in each) this.#late.splice(0).forEach((entry) => this.harness.receive(entry));
    else await turns(each.turns);
  }

  /** Everybody reads, and what was missed is looked for: nothing may be wanting after that. */
  async end(): Promise<void> {
    for (let round = 0; round < 20; round += 1) {
      void this.harness.topic.sequencer.sync();
      await turns(20);
      for (const listener of this.listeners) drain(listener);
    }
  }

  #one(index: number): Listener {
    const listener = this.listeners[index % this.listeners.length];
    if (listener === undefined) throw new Error('there are listeners from the beginning');
    return listener;
  }

  #join(): void {
    this.listeners.push(this.harness.join(null, undefined, this.listeners.length + 1));
  }

  #publish(bytes: number, how: 'received' | 'dropped' | 'late', excepted: number | null): void {
    const except = excepted === null ? null : this.#one(excepted);
    const entry = this.harness.log.append(Buffer.from(`"${'x'.repeat(bytes)}"`), except?.connection.id);
    this.published.push({ id: entry.id, except });
    if (how === 'received') this.harness.receive(entry);
    if (how === 'late') this.#late.push(entry);
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

/** What a subscriber is to get, in order: all that follows its start, but for what leaves it out. */
function expected({ published }: Run, listener: Listener): string[] {
  const all = published.filter(({ id, except }) => comparePositions(id, listener.start) > 0 && except !== listener);
  return all.map(({ id }) => id);
}

it.each([
  ['a few of them', 4, 40, false],
  // More than are sent to between two looks at the clock.
  ['many of them, in slices', 40, 10, true],
])(
  'whatever happens, a subscriber gets exactly the messages that do not leave it out, in order: %s',
  { timeout: TIMEOUT_MS },
  async (_, listeners, numRuns, sliced) => {
    let left = 0;
    let catchUps = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 100, size: 'max' }), async (steps) => {
        const run = new Run();
        await run.begin(listeners, sliced);
        for (const each of steps) await run.do(each);
        await run.end();
        for (const listener of run.listeners) {
          const frames = listener.socket.frames.filter(({ type }) => type === 'message' || type === 'lost');
          const got = frames.map((frame) => (frame.type === 'message' ? frame.id : frame.type));
          const all = expected(run, listener);
          expect(got).toEqual(listener.subscription.ended ? all.slice(0, got.length) : all);
        }
        left += run.published.filter(({ except }) => except !== null).length;
        catchUps += run.harness.counters.catchUps;
      }),
      { numRuns, plugins: [fc.interruptAfterTimeLimit(MOST_MS, { failOnInterrupt: true })] },
    );
    // What is tested did take place.
    expect(left).toBeGreaterThan(100);
    expect(catchUps).toBeGreaterThan(10);
  },
);
