import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const SENTENCES = [
  'A stream is easiest to share when it is kept: each part gets a place in a log, and whoever comes later reads the log first.',
  'The model speaks once, however many listen; the parts are published once, and each viewer gets a copy.',
  'A viewer that loses its connection names the last part that it has, and goes on after it.',
  'When the answer is complete the last part says so, for silence alone would not.',
];

/**
 * Stands for a language model: the same words for the same prompt, one token after the other. Replace it by the stream of
 * your provider, which gives tokens in the same way. With MODEL_WAITS_FOR it stops in the middle until a file of that name is there.
 */
export async function* tokensOf(prompt: string, tokenMs: number): AsyncGenerator<string> {
  const text = [`You asked: “${prompt}”.`, ...SENTENCES, ...SENTENCES.toReversed()].join(' ');
  const tokens = text.match(/\s*\S{1,5}/g) ?? [];
  const file = process.env['MODEL_WAITS_FOR'] ?? '';
  const isHeld = (index: number) => file !== '' && index >= tokens.length / 2 && !existsSync(file);
  for (const [index, token] of tokens.entries()) {
    do await delay(tokenMs);
    while (isHeld(index));
    yield token;
  }
}
