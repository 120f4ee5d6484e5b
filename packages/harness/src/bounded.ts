/**
 * Does `work` for every item, at most `limit` at a time. After a rejection, or when the signal is aborted, nothing more
 * is begun; what is under way is awaited, then the first reason is passed on.
 */
export async function forEachBounded<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T, index: number) => Promise<unknown>,
  signal?: AbortSignal,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  let index = 0;
  let failure: { error: unknown } | undefined;
  const mayGoOn = () => failure === undefined && signal?.aborted !== true;
  const lane = async () => {
    while (mayGoOn()) {
      const next = iterator.next();
      if (next.done === true) return;
      try {
        await work(next.value, index++);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, lane));
  if (failure !== undefined) throw failure.error;
  signal?.throwIfAborted();
}
