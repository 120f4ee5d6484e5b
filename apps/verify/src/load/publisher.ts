import { callAtRate } from '@holdfast/harness/pacing';
import type { ControlApi } from '@holdfast/harness/control-api';
import { CallRefused, isTransient } from '@holdfast/harness/retry';
import { Unreachable } from '@holdfast/harness/http-pool';
import type { Publications } from './publications.ts';
import { monotonicMs } from '@holdfast/harness/clock';
import { digestOf, encodePayload } from './payload.ts';

/**
 * An installation that does not keep up is not buried under calls: publishing falls behind, and the report shows it.
 */
export const PUBLISHES_AT_ONCE = 256;

export interface PublishOptions {
  control: ControlApi;
  publications: Publications;
  topicNames: readonly string[];
  run: string;
  /** Messages a second, over all topics. */
  rate: number;
  seconds: number;
  /** Bytes of a payload. */
  size: number;
  /** Draws the topic of each message. */
  random: () => number;
  signal: AbortSignal;
  /** Called after each answer, with how many there were. */
  onAnswer: (answers: number) => void;
}

/**
 * Publishes single messages on random topics at a rate, each as its time has come and not only when the one before was
 * answered. Books every outcome. Gives how long it took, in milliseconds; rejects with the signal's reason.
 */
export async function publishAtRate(options: PublishOptions): Promise<number> {
  const { rate, seconds, topicNames, random, signal, onAnswer } = options;
  const startedAt = performance.now();
  let answers = 0;
  const begin = async (n: number) => {
    await publishOne(options, Math.floor(random() * topicNames.length), n);
    answers += 1;
    onAnswer(answers);
  };
  await callAtRate({ rate, total: Math.round(rate * seconds), limit: PUBLISHES_AT_ONCE, begin, signal });
  return performance.now() - startedAt;
}

async function publishOne(options: PublishOptions, topic: number, n: number): Promise<void> {
  const { control, publications, topicNames, run, size } = options;
  const text = encodePayload({ run, n, sentAt: monotonicMs() }, size);
  const digest = digestOf(text);
  try {
    publications.accepted(topic, await control.publish(topicNames[topic] ?? '', text), digest);
  } catch (error) {
    if (!(error instanceof CallRefused || error instanceof Unreachable)) throw error;
    // Also after a 503 the log has the last word: a gateway that missed the answer sends 503 as well.
    if (isTransient(error)) publications.doubt(topic, { n, digest, code: error.code });
    else publications.refuse(error.code);
  }
}
