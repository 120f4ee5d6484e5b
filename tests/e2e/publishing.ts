import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '@holdfast/client/holdfast-error';
import type { Rest } from '@holdfast/client/rest';
import { eventually } from '@holdfast/testkit/eventually';
import { expect } from 'vitest';

/** Between two messages: some dozens a second, so that every fault strikes in the middle of them. */
const PAUSE_MS = 20;
/** What a fault brings. Anything else is a fault of the test, or of ours. */
const PASSING: ReadonlySet<string> = new Set(['redis-unavailable', 'unreachable']);

/** A backend that publishes all the time, one message after the other, through every fault. `await using` it. */
export interface Publishing extends AsyncDisposable {
  /** The ids of the 202 answers by topic, in the order of publishing. */
  readonly ids: Readonly<Record<string, readonly string[]>>;
  /** How many calls were refused, or not answered. */
  readonly refused: () => number;
  /** Waits until so many more messages have been published to each topic. */
  readonly more: (count: number) => Promise<void>;
  /** Resolves when the last message has been answered 202. */
  readonly stop: () => Promise<void>;
}

/**
 * Publishes to the topics in turn. A call that fails is repeated with its idempotency key until it is answered 202, so
 * that `ids` is all that was published: also what was published although its answer never came.
 */
export function keepPublishing(rest: Rest, topics: readonly string[]): Publishing {
  const ids: Record<string, string[]> = Object.fromEntries(topics.map((topic) => [topic, []]));
  const counts = () => Object.values(ids).map(({ length }) => length);
  const stopped = new AbortController();
  const abandoned = new AbortController();
  let refused = 0;

  async function publish(topic: string, data: unknown): Promise<string> {
    const options = { idempotencyKey: randomUUID(), signal: abandoned.signal };
    for (;;) {
      try {
        return (await rest.publish(topic, data, options)).id;
      } catch (error) {
        if (!(error instanceof HoldfastError) || !PASSING.has(error.code)) throw error;
        refused++;
      }
      await delay(PAUSE_MS);
    }
  }

  async function run(): Promise<void> {
    for (let n = 0; !stopped.signal.aborted; n++) {
      for (const topic of topics) ids[topic]?.push(await publish(topic, { n }));
      await delay(PAUSE_MS);
    }
  }

  const done = run();
  return {
    ids,
    refused: () => refused,
    more: async (count) => {
      const wanted = counts().map((length) => length + count);
      await eventually(() => {
        for (const [index, length] of counts().entries()) expect(length).toBeGreaterThanOrEqual(wanted[index] ?? 0);
      });
    },
    stop: () => {
      stopped.abort();
      return done;
    },
    // A test that failed in the middle of a fault waits for no answer.
    [Symbol.asyncDispose]: async () => {
      stopped.abort();
      abandoned.abort();
      await Promise.allSettled([done]);
    },
  };
}
