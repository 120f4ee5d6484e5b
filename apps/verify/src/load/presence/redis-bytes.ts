import { redisKeys } from '@holdfast/broker/keys';
import { askRedis } from '@holdfast/local/ask-redis';
import type { Target } from '../target.ts';

/**
 * What Redis uses for the presence of a topic, in bytes: its state, and the members of each edge. Null when it is not
 * known.
 */
export async function presenceBytes(
  { redisUrls, prefix }: Target,
  topic: string,
  edges: readonly string[],
): Promise<number | null> {
  if (redisUrls.length === 0) return null;
  const keys = redisKeys(prefix);
  const all = [keys.topicHere(topic), ...edges.map((edge) => keys.topicHereOf(topic, edge))];
  const sizes = await Promise.all(all.map((key) => bytesOf(redisUrls, key)));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** 0 when there is no such key. Of several servers one has its slot, and the others say so. */
async function bytesOf(urls: readonly string[], key: string): Promise<number> {
  for (const url of urls) {
    try {
      return Number((await askRedis(url, 'MEMORY', 'USAGE', key, 'SAMPLES', 0)) ?? 0);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('MOVED'))) throw error;
    }
  }
  return 0;
}
