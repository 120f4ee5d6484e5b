import type { ApiKey } from '@holdfast/protocol/api-key';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { KeyRing } from '../key-ring.ts';
import { ProblemError } from '../problem-error.ts';
import { type Right, requireRight } from '../rights.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The API key that the call was made with; null where none is asked for. */
    apiKey: ApiKey | null;
  }
}

const BEARER = /^bearer +/i;
/** `?api_key=`, `?X-API-Key=` and their like, without the marks between words. */
const KEY_PARAMETERS = new Set(['key', 'apikey', 'xapikey']);

/** Refuses API keys in URLs, for URLs end up in logs, and makes room for the key of a call. */
export const apiKeys = fp(async (app) => {
  app.decorateRequest('apiKey', null);
  app.addHook('onRequest', async ({ query }) => {
    const found = Object.keys(query as object).find((name) =>
      KEY_PARAMETERS.has(name.toLowerCase().replace(/[-_]/g, '')),
    );
    if (found === undefined) return;
    throw new ProblemError('key-in-query', {
      detail: 'Send the API key as X-API-Key, and replace this one: it may stand in logs by now',
      errors: [{ field: `query.${found}`, rule: 'must not be given' }],
    });
  });
});

/** A hook for the calls that need a valid key, and maybe a right; before the body is read. */
export function needsKey(keys: KeyRing, right?: Right) {
  return async (request: FastifyRequest): Promise<void> => {
    const key = keys.check(presentedKey(request));
    if (right !== undefined) requireRight(key, right);
    request.apiKey = key;
  };
}

/** The key of a call that `needsKey` has let through. */
export function keyOf(request: Pick<FastifyRequest, 'apiKey'>): ApiKey {
  if (request.apiKey === null) throw new Error('This call asks for no API key');
  return request.apiKey;
}

/** The key as it is presented; undefined when there is none. */
export function presentedKey({ headers }: FastifyRequest): string | undefined {
  const key = headers['x-api-key'];
  if (key !== undefined) return String(key);
  const { authorization } = headers;
  return authorization !== undefined && BEARER.test(authorization) ? authorization.replace(BEARER, '') : undefined;
}
