import { MAX_PAGE_BYTES } from '@holdfast/protocol/limits';
import { type Position, comparePositions } from '@holdfast/protocol/position-order';
import { eventually } from '@holdfast/testkit/eventually';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LogPage } from './state.ts';
import { continues, goesOn, isComplete } from './state.ts';
import { openBroker } from '../testing/brokers.ts';

const { redis, keys, control, edge } = await openBroker();
const MANY = 1000;
let count = 0;

async function read(topic: string, after: Position | null, limit = MANY): Promise<LogPage> {
  const page = await edge.readLog(topic, after, limit);
  if (page === null) throw new Error('there is no such topic');
  return page;
}

/** What a topic's log should be, in the plainest form: all that was published, and how much of it is still kept. */
class Model {
  readonly start: Position;
  readonly published: { id: Position; text: string }[] = [];
  #firstKept = 0;

  constructor(start: Position) {
    this.start = start;
  }

  get kept() {
    return this.published.slice(this.#firstKept);
  }

  keepLast(size: number): void {
    this.#firstKept = Math.max(this.#firstKept, this.published.length - size);
  }

  after(position: Position) {
    return this.kept.filter(({ id }) => comparePositions(id, position) > 0);
  }

  /** Whether all that was ever published after the position is kept. */
  nothingLostAfter(position: Position): boolean {
    return this.published.filter(({ id }) => comparePositions(id, position) > 0).length === this.after(position).length;
  }
}

const act = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('publish' as const), times: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('resize' as const), size: fc.nat({ max: 6 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'lose' as const }) },
);

describe('reading a log', () => {
  test('agrees with a list of what was published and what is kept, whatever is published, trimmed and lost', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 8 }), fc.nat({ max: 3 }), async (acts, limit) => {
        const topic = `model.${(count += 1)}`;
        let size = 5;
        const { state } = await control.putTopic(topic, { size });
        const model = new Model(state.start);
        for (const step of acts) {
          if (step.kind === 'lose') {
            await redis.del(keys.topicLog(topic));
            model.keepLast(0);
          } else if (step.kind === 'resize') {
            size = step.size;
            await control.putTopic(topic, { size });
            model.keepLast(size);
          } else {
            for (let index = 0; index < step.times; index += 1) {
              const text = String(model.published.length);
              const outcome = await control.publish(topic, Buffer.from(text));
              model.published.push({ id: outcome.kind === 'published' ? outcome.id : '', text });
              model.keepLast(size);
            }
          }
        }

        const whole = await read(topic, null);
        expect(whole.entries.map(({ id, data }) => ({ id, text: String(data) }))).toEqual(model.kept);
        expect(isComplete(whole, null)).toBe(model.nothingLostAfter(model.start));
        expect(whole.last).toBe(model.published.at(-1)?.id ?? model.start);

        const real = [model.start, ...model.published.map(({ id }) => id)];
        for (const position of real) {
          const page = await read(topic, position);
          expect(page.entries.map(({ id }) => id)).toEqual(model.after(position).map(({ id }) => id));
          expect(continues(page, position)).toBe(model.nothingLostAfter(position));
          expect(isComplete(page, position)).toBe(model.nothingLostAfter(position));
          const short = await read(topic, position, limit);
          expect(short.entries).toEqual(page.entries.slice(0, limit));
          expect({ ...short, entries: [] }).toEqual({ ...page, entries: [] });
        }
        // Positions of no entry: before, between and after, as of a log that a fail-over has lost.
        const foreign = real.map((id) => `${id}7`).concat('1-0', '999999999999999-0');
        for (const position of foreign.filter((id) => real.every((other) => comparePositions(id, other) !== 0))) {
          const page = await read(topic, position);
          expect(continues(page, position)).toBe(false);
          expect(isComplete(page, position)).toBe(false);
          expect(page.entries.map(({ id }) => id)).toEqual(model.after(position).map(({ id }) => id));
        }
      }),
      { numRuns: 60 },
    );
  });

  test('of a topic made anew, from a position of the one before, is not complete', async () => {
    const topic = 'anew';
    await control.putTopic(topic, {});
    const before = await control.publish(topic, Buffer.from('1'));
    await control.publish(topic, Buffer.from('2'));
    await control.deleteTopic(topic);
    await control.putTopic(topic, {});
    await control.publish(topic, Buffer.from('3'));
    const position = 'id' in before ? before.id : '';
    expect(isComplete(await read(topic, position), position)).toBe(false);
    expect(isComplete(await read(topic, '0-0'), '0-0')).toBe(true);
  });

  test('gives nothing that is older than the history, also when nothing was published since', async () => {
    const topic = 'short-lived';
    await control.putTopic(topic, { seconds: 1 });
    const first = await control.publish(topic, Buffer.from('1'));
    const position = 'id' in first ? first.id : '';
    await eventually(async () => {
      // What keeps the log alive does not keep what is too old in it.
      await control.publish(topic, Buffer.from('2'));
      const page = await read(topic, null);
      expect(page.entries.length).toBeGreaterThan(0);
      expect(page.entries.some(({ id }) => id === position)).toBe(false);
      expect(continues(await read(topic, position), position)).toBe(false);
    });
  });

  test('of a topic that does not exist gives null', async () => {
    expect(await control.readLog('nowhere', null, 10)).toBeNull();
    expect(await control.readLog('nowhere', '1-0', 10)).toBeNull();
  });

  test('of a topic without any message is complete, and goes on from its start', async () => {
    const { state } = await control.putTopic('silent', {});
    const page = await read('silent', state.start);
    expect(page).toEqual({
      start: state.start,
      incarnation: state.incarnation,
      last: state.start,
      firstPrev: null,
      contains: false,
      entries: [],
    });
    expect(continues(page, state.start)).toBe(true);
    expect(isComplete(page, null)).toBe(true);
  });

  test('that Redis lost with its topic continues from no position', async () => {
    const topic = 'lost';
    await control.putTopic(topic, {});
    const outcome = await control.publish(topic, Buffer.from('1'));
    const seen = outcome.kind === 'published' ? outcome.id : '';
    await redis.del(keys.topic(topic), keys.topicLog(topic));
    await redis.hset(keys.topic(topic), { size: 10, seconds: 10, born: '5-0', last: '5-0' });
    expect(continues(await read(topic, seen), seen)).toBe(false);
  });
});

describe('a page of a log', () => {
  const LARGE = Buffer.from(JSON.stringify('x'.repeat(60_000)));

  test('holds at most so many bytes, and a reader that goes on after its end gets every message once', async () => {
    const topic = `bytes.${(count += 1)}`;
    await control.putTopic(topic, { size: MANY });
    const published: Position[] = [];
    for (let message = 0; message < 50; message += 1) {
      const outcome = await control.publish(topic, message % 2 === 0 ? LARGE : Buffer.from(String(message)));
      if (outcome.kind === 'published') published.push(outcome.id);
    }
    const seen: Position[] = [];
    let after: Position | null = null;
    for (let more = true; more;) {
      const page: LogPage = await read(topic, after);
      const bytes = page.entries.reduce((sum, { data }) => sum + data.length, 0);
      expect(bytes).toBeLessThanOrEqual(MAX_PAGE_BYTES);
      expect(page.entries.length).toBeGreaterThan(0);
      seen.push(...page.entries.map(({ id }) => id));
      after = seen.at(-1) ?? null;
      more = goesOn(page);
    }
    expect(seen).toEqual(published);
  });

  test('goes on when it was full by its number, and not at the end of the log', async () => {
    const topic = `bytes.${(count += 1)}`;
    await control.putTopic(topic, {});
    expect(goesOn(await read(topic, null))).toBe(false);
    for (let message = 0; message < 40; message += 1) await control.publish(topic, Buffer.from(String(message)));
    expect(goesOn(await read(topic, null, 39))).toBe(true);
    const whole = await read(topic, null, 40);
    expect(whole.entries.map(({ data }) => Number(data))).toEqual(Array.from({ length: 40 }, (_, index) => index));
    expect(goesOn(whole)).toBe(false);
  });
});
