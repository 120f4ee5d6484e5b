import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Keys } from '../keys.ts';
import type { Commands } from '@holdfast/redis/commands';
import type { ServedClient } from '../broker.ts';
import { encodeCount, encodeProbe, encodeServed } from '../live/payload.ts';
import { numberOf } from '../lua/replies.ts';
import { asked } from '@holdfast/redis/script';

/** An edge answers within milliseconds; one that does not is stalled or gone, and then its answer is not known. */
const PATIENCE_MS = 1500;
const FIRST_LOOK_MS = 2;
const LATEST_LOOK_MS = 50;
const ANSWERS_KEPT_MS = 5000;
const ID_BYTES = 9;

/**
 * Asks edges for what they hold, which so need not be written to Redis all the time. The query is published on a live
 * channel; Redis answers how many edges received it, and that many answers are waited for.
 */
export function survey(redis: Commands, keys: Keys) {
  async function surveyServed(edge: string, clientId: string): Promise<ServedClient | null | undefined> {
    const answers = await ask(keys.edgeLive(edge), (surveyId) => encodeServed(surveyId, clientId));
    const first = answers?.[0];
    return first === undefined ? undefined : (JSON.parse(first) as ServedClient | null);
  }

  async function surveySubscribers(topic: string): Promise<number | undefined> {
    const answers = await ask(keys.topicLive(topic), encodeCount);
    return answers?.reduce((sum, count) => sum + Number(count), 0);
  }

  async function answer(surveyId: string, payload: unknown): Promise<void> {
    const key = keys.answers(surveyId);
    await Promise.all([asked(redis.rpush(key, JSON.stringify(payload))), asked(redis.pexpire(key, ANSWERS_KEPT_MS))]);
  }

  async function sendProbe(edge: string, nonce: string): Promise<number> {
    return numberOf('spublish', await asked(redis.spublish(keys.edgeLive(edge), encodeProbe(nonce))));
  }

  /** The answers of all edges that received it; undefined when one is missing in time. */
  async function ask(channel: string, encode: (surveyId: string) => string): Promise<string[] | undefined> {
    const surveyId = randomBytes(ID_BYTES).toString('base64url');
    const receivers = numberOf('spublish', await asked(redis.spublish(channel, encode(surveyId))));
    if (receivers === 0) return [];
    const deadline = performance.now() + PATIENCE_MS;
    for (let pause = FIRST_LOOK_MS; ; pause = Math.min(2 * pause, LATEST_LOOK_MS)) {
      await delay(pause);
      const answers = await asked(redis.lrange(keys.answers(surveyId), 0, -1));
      if (answers.length >= receivers) return answers;
      if (performance.now() > deadline) return undefined;
    }
  }

  return { surveyServed, surveySubscribers, answer, sendProbe };
}
