import { HoldfastError } from '@holdfast/client/holdfast-error';
import { createRest } from '@holdfast/client/rest';
import { setTimeout as delay } from 'node:timers/promises';

/** The topics of a first look; the first is that of the lines to paste. */
export const TOPICS = ['news.sport', 'news.weather', 'chat'] as const;

const PAUSE_MS = 200;
const UNAVAILABLE = 503;

/** Creates them where they are not there, waiting for a Redis that is away. Rejects with the reason of the signal. */
export async function createTopics(controlUrl: string, key: string, signal: AbortSignal): Promise<void> {
  const rest = createRest({ controlUrl, key });
  for (const topic of TOPICS) {
    while (!(await isCreated(() => rest.createTopic(topic, { signal })))) {
      await delay(PAUSE_MS, undefined, { signal });
    }
  }
}

/** False when it is worth another try. */
async function isCreated(create: () => Promise<unknown>): Promise<boolean> {
  try {
    await create();
    return true;
  } catch (error) {
    const isAway = error instanceof HoldfastError && (error.status === UNAVAILABLE || error.code === 'unreachable');
    if (isAway) return false;
    throw error;
  }
}
