/** Does something for each, so many at a time. Rejects with the first failure, and then begins no more. */
export async function forEachBounded<T>(
  all: readonly T[],
  atOnce: number,
  work: (one: T, index: number) => Promise<void>,
): Promise<void> {
  const entries = all.entries();
  const lane = async () => {
    for (const [index, one] of entries) await work(one, index);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, all.length) }, lane));
}
