/** Does something for each, so many at a time. What was begun is awaited; rejects with a failure. */
export async function forEachBounded<T>(
  all: readonly T[],
  atOnce: number,
  work: (one: T, index: number) => Promise<void>,
): Promise<void> {
  const entries = all.entries();
  const lane = async () => {
    for (const [index, one] of entries) await work(one, index);
  };
  const outcomes = await Promise.allSettled(Array.from({ length: Math.min(atOnce, all.length) }, lane));
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}
