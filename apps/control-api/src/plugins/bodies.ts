import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { parseJson } from '../json-body.ts';
import { ProblemError } from '../problem-error.ts';

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
