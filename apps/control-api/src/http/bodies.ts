import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { ProblemError } from './problem-error.ts';

/**
 * Parses a body. Keys such as `__proto__` become plain own fields, which strict schemas refuse.
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

const JSON_TYPE = 'application/json';

/** Bodies are JSON. An empty one is none, whatever its type: clients send a type with an empty DELETE or POST. */
export const jsonBodies = fp(async (app) => {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(JSON_TYPE, { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) =>
    body.length === 0 ? undefined : parseJson(body),
  );
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => {
    if (body.length > 0) throw new ProblemError('unsupported-media-type');
  });
});

/**
 * Within `app` the body of a call is what `read` makes of its bytes.
 * @param read throws a ProblemError for bytes that are no JSON; an empty body is none
 */
export function readBodiesWith(app: FastifyInstance, read: (bytes: Buffer) => unknown): void {
  app.removeContentTypeParser(JSON_TYPE);
  app.addContentTypeParser(JSON_TYPE, { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => read(body));
}
