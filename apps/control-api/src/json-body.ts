import { isUtf8 } from 'node:buffer';
import { ProblemError } from './problem-error.ts';

/**
 * Parses a body. Keys such as `__proto__` become plain own fields, which strict schemas refuse and nobody reads.
 * @throws {ProblemError} malformed-json
 */
export function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new ProblemError('malformed-json', { detail: 'The body is not valid UTF-8' });
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new ProblemError('malformed-json', { detail: `The body is not JSON${whereIn(cause)}` }, { cause });
  }
}

/** Where the parser stopped. Its whole message is not passed on: it quotes the text. */
export function whereIn(error: unknown): string {
  const position = error instanceof Error ? /at position (\d+)/.exec(error.message)?.[1] : undefined;
  return position === undefined ? '' : `: it breaks at character ${position}`;
}
