/**
 * Does `work` for every index below `count`, at most `width` at a time. After a rejection, or when the signal is
 * aborted, nothing more is begun; what is under way is awaited, then the first reason is passed on.
 */
export async function forEachBounded(
  count: number,
  width: number,
  signal: AbortSignal | undefined,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failure: { error: unknown } | undefined;
  const mayGoOn = () => next < count && failure === undefined && signal?.aborted !== true;
  const lane = async () => {
    while (mayGoOn()) {
      const index = next;
      next += 1;
      try {
        await work(index);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
  if (failure !== undefined) throw failure.error;
  signal?.throwIfAborted();
}
