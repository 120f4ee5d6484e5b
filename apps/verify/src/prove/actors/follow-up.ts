import { setTimeout as delay } from 'node:timers/promises';
import { ENDING_MS } from '../checker/requirement.ts';
import type { Actor } from './actor.ts';
import { type Company, FOLLOWS_WITHIN_MS } from './company.ts';
import type { Line } from './line.ts';

/** Beyond the second in which what is published after an end may still arrive. */
const MARGIN_MS = 300;
const LOOK_MS = 250;
const TOPIC = 'prove.follow-up';

/**
 * The end of every history: each client that has a connection is written to, subscribes, is written to, unsubscribes, and is asked
 * about; then some are disconnected and some unregistered. What does not follow, the model finds. `topics` are those that they had before.
 */
export async function followUp(company: Company, topics: readonly string[]): Promise<void> {
  const actors = company.actors.filter(({ isRegistered, line }) => isRegistered && line !== undefined);
  const lines = new Map(actors.map((actor) => [actor, actor.line]));
  // Before anything changes: a change may heal what does not hear.
  await everybodyIsWrittenTo(company, actors, topics);

  await company.topic(TOPIC);
  await company.each(actors, (actor) => actor.subscribe([TOPIC]));
  await company.publishSurely(TOPIC);
  await everybodyIsWrittenTo(company, actors, topics);
  await company.each(actors, (actor) => viewed(company, actor));

  await company.each(actors, (actor) => actor.unsubscribe([TOPIC]));
  await delay(ENDING_MS + MARGIN_MS);
  await company.publishSurely(TOPIC);

  const group = (rest: number) => actors.filter((_, index) => index % 3 === rest);
  const leaving = [...group(0), ...group(1)];
  await company.each(group(0), (actor) => actor.disconnect());
  await company.each(group(1), (actor) => actor.unregister());
  await ended(leaving.flatMap((actor) => lines.get(actor) ?? []));
  await delay(ENDING_MS + MARGIN_MS);
  await everybodyIsWrittenTo(company, group(2), topics);
}

async function everybodyIsWrittenTo(
  company: Company,
  actors: readonly Actor[],
  topics: readonly string[],
): Promise<void> {
  for (const topic of topics) await company.publishSurely(topic);
  await company.each(actors, (actor) => company.calls.publishToClient(actor.id));
  await company.checkpoint();
}

/** Asks about a client until the answer is as it should be, at most for as long as a change may take. */
async function viewed({ calls }: Company, { id, line }: Actor): Promise<void> {
  const deadline = performance.now() + FOLLOWS_WITHIN_MS;
  for (;;) {
    const isLast = performance.now() > deadline;
    let isRight = false;
    await calls.view(id, true, (seen) => {
      const served = new Set(seen?.served ?? []);
      isRight = line?.isOpen !== true || (seen?.connected === true && seen.topics.every((topic) => served.has(topic)));
      return isRight || isLast;
    });
    if (isRight || isLast) return;
    await delay(LOOK_MS);
  }
}

/** Waits until these connections are over; those that are not in time, the model finds. */
async function ended(lines: readonly Line[]): Promise<void> {
  const tooLate = new AbortController();
  const all = Promise.all(lines.map((line) => line.ended));
  // A moment longer: the model counts to the end of the history.
  await Promise.race([all, delay(FOLLOWS_WITHIN_MS + LOOK_MS, undefined, { signal: tooLate.signal })]);
  tooLate.abort();
}
