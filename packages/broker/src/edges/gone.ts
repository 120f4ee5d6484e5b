/** Topics at a time. */
const MAX_TOPICS = 50;

/** Those of the edges that have no lease. One whose lease cannot be read, because its node is away, counts as alive. */
export async function goneOf(
  edges: readonly string[],
  alive: (edges: readonly string[]) => Promise<Set<string>>,
  failures: unknown[],
): Promise<string[]> {
  const found = await Promise.allSettled(edges.map((edge) => alive([edge])));
  for (const result of found) if (result.status === 'rejected') failures.push(result.reason);
  return edges.filter((edge, index) => {
    const result = found[index];
    return result?.status === 'fulfilled' && !result.value.has(edge);
  });
}

/** A few at a time. Of those that fail, because their node is away, others do not fail. */
export async function forEachTopic(
  topics: readonly string[],
  act: (topic: string) => Promise<void>,
  failures: unknown[],
): Promise<void> {
  for (let from = 0; from < topics.length; from += MAX_TOPICS) {
    const results = await Promise.allSettled(topics.slice(from, from + MAX_TOPICS).map((topic) => act(topic)));
    for (const result of results) if (result.status === 'rejected') failures.push(result.reason);
  }
}
