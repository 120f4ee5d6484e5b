import type { Backend } from '@holdfast/server';
import { tokensOf } from './model.ts';

/** What is published to the topic of an answer, in this order: the prompt, parts of the text, the end. */
export type Part = { prompt: string } | { text: string } | { end: 'complete' | 'failed' };

/** So long tokens are collected for one message: a model gives 50 a second, and a reader sees ten steps a second as flow. */
const BATCH_MS = 100;

export const topicOf = (id: string): string => `answer.${id}`;

/**
 * Publishes an answer to its topic. One publish at a time keeps the order; each is repeated by itself until it is there once.
 */
export async function publishAnswer(holdfast: Backend, id: string, prompt: string, tokenMs: number): Promise<void> {
  const publish = (part: Part) => holdfast.publish(topicOf(id), part);
  let end: 'complete' | 'failed' = 'complete';
  try {
    for await (const text of batches(tokensOf(prompt, tokenMs))) await publish({ text });
  } catch (error) {
    console.error(`answer ${id}:`, error);
    end = 'failed';
  }
  // The end is a message like any other: in order, and in the history for who comes later.
  await publish({ end });
}

/** Joins the tokens of BATCH_MS. */
async function* batches(tokens: AsyncIterable<string>): AsyncGenerator<string> {
  let text = '';
  let sentAt = performance.now();
  for await (const token of tokens) {
    text += token;
    if (performance.now() - sentAt < BATCH_MS) continue;
    yield text;
    text = '';
    sentAt = performance.now();
  }
  if (text !== '') yield text;
}
