import { setTimeout as delay } from 'node:timers/promises';

/**
 * What was answered until all have, or until `lateMs` after the first: one that is frozen does not hold up the rest.
 * Those that reject are told of, and answer nothing.
 */
export async function firstAnswers<T>(
  asked: readonly Promise<T>[],
  lateMs: number,
  onError: (error: unknown) => void,
): Promise<T[]> {
  const answers: T[] = [];
  const first = Promise.withResolvers<void>();
  const over = new AbortController();
  const all = asked.map(async (question) => {
    try {
      answers.push(await question);
      first.resolve();
    } catch (error) {
      onError(error);
    }
  });
  const tooLate = first.promise.then(() => delay(lateMs, undefined, { signal: over.signal }));
  // Nobody waits for it when the others were faster.
  tooLate.catch(() => undefined);
  await Promise.race([Promise.all(all), tooLate]);
  over.abort();
  return [...answers];
}
