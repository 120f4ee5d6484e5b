import type { PusherApp } from '@holdfast/protocol/pusher-app';
import { MAX_TIME_DIFFERENCE_SECONDS } from '@holdfast/protocol/pusher-limits';
import { bodyDigest, equalInConstantTime, requestSignature, someSecret } from '@holdfast/pusher/signatures';
import { RedisUnavailable } from '@holdfast/redis/unavailable';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type AppKey, type KeyRing, requireNotExpired } from '../auth/authentication.ts';
import { keyOf } from '../auth/authorization.ts';
import { principalOfKey } from '../auth/principal.ts';
import { parseJson } from '../http/bodies.ts';
import { ProblemError, RETRY_AFTER_SECONDS } from '../http/problem-error.ts';
import { signedPaths } from './path-prefixes.ts';

const VERSION = '1.0';
const SECONDS = /^\d{1,15}$/;
const NO_BODY = Buffer.alloc(0);
/** The protocol has no key by which a repeat could be known. */
const OUTCOME_UNKNOWN =
  'Whether the call took effect is not known: of several events or channels some may have been published. A repeat ' +
  'publishes again.';

export interface SignatureOptions {
  readonly keys: KeyRing;
  /** Before `/apps/`, in the URLs that callers have. */
  readonly pathPrefixes: readonly string[];
}

/**
 * Within `app` every call is signed by the app that its path names, and made by the rights of its API key. The signature is
 * verified before the body is read, and the digest in it when the body is there.
 */
export function requireSignatures(app: FastifyInstance, options: SignatureOptions): void {
  app.addHook('onRequest', async (request, reply) => {
    const key = signerOf(request, reply, options);
    // First: a refusal is in the audit log, with the key.
    request.principal = principalOfKey(key);
    requireNotExpired(key);
    await request.countForKey(key.id);
  });
  // The digest is of the bytes as they came, whatever type they are said to have.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => body);
  app.addHook('preValidation', async (request, reply) => {
    const body = Buffer.isBuffer(request.body) ? request.body : NO_BODY;
    const { body_md5: digest } = request.query as Query;
    if (body.length > 0 || digest !== undefined) {
      if (digest !== bodyDigest(body)) throw refusal(reply, 'body_md5', 'must be the MD5 of the body as it is sent');
    }
    request.body = body.length === 0 ? undefined : parseJson(body);
  });
  // The answer itself is made where those of all calls are.
  app.setErrorHandler((error) => {
    if (!(error instanceof RedisUnavailable)) throw error;
    throw new ProblemError(
      'redis-unavailable',
      { detail: OUTCOME_UNKNOWN, retryAfterSeconds: RETRY_AFTER_SECONDS },
      { cause: error },
    );
  });
}

/** The app of a call that `requireSignatures` has let through. */
export function appOf(request: FastifyRequest): PusherApp {
  const { pusher } = keyOf(request);
  if (pusher === undefined) throw new Error('This call is not signed by an app');
  return pusher;
}

type Query = Readonly<Record<string, string | string[] | undefined>>;

/** @throws {ProblemError} app-not-found, or signature-invalid that names what is wrong */
function signerOf(request: FastifyRequest, reply: FastifyReply, { keys, pathPrefixes }: SignatureOptions): AppKey {
  const { appId } = request.params as { appId: string };
  const key = keys.ofApp(appId);
  if (key === undefined) throw new ProblemError('app-not-found', { detail: `No API key has the app "${appId}"` });
  const query = singleValues(request.query as Query);
  const { pusher } = key;
  if (!equalInConstantTime(query.get('auth_key') ?? '', pusher.key)) {
    throw refusal(reply, 'auth_key', `must be the key of the app "${appId}"`);
  }
  if (query.get('auth_version') !== VERSION) throw refusal(reply, 'auth_version', `must be ${VERSION}`);
  const { method, url } = request;
  const [path = ''] = url.split('?');
  const given = query.get('auth_signature') ?? '';
  const isSigned = signedPaths(path, pathPrefixes).some((signed) =>
    someSecret(pusher, (secret) =>
      equalInConstantTime(given, requestSignature(secret, { method, path: signed, query })),
    ),
  );
  if (!isSigned) {
    const rule = `must be the signature, by the secret of the app, of ${method}, the path ${path} and the query`;
    throw refusal(reply, 'auth_signature', rule);
  }
  const seconds = query.get('auth_timestamp') ?? '';
  const difference = SECONDS.test(seconds) ? Math.abs(Date.now() / 1000 - Number(seconds)) : Infinity;
  if (difference > MAX_TIME_DIFFERENCE_SECONDS) {
    const rule = `must be in seconds, at most ${MAX_TIME_DIFFERENCE_SECONDS} from ${Math.floor(Date.now() / 1000)}`;
    throw refusal(reply, 'auth_timestamp', rule);
  }
  return key;
}

/**
 * @throws {ProblemError} invalid-request for a parameter that is there twice, as which one is signed cannot be known, and for
 * a name with capital letters: names are signed in lower case, and one in another case would be signed and not be looked at
 */
function singleValues(query: Query): Map<string, string> {
  return new Map(
    Object.entries(query).map(([name, value = '']) => {
      if (name !== name.toLowerCase()) throw wrongParameter(name, 'must be in lower case');
      if (typeof value !== 'string') throw wrongParameter(name, 'must be given once');
      return [name, value];
    }),
  );
}

function wrongParameter(name: string, rule: string): ProblemError {
  return new ProblemError('invalid-request', { errors: [{ field: `query.${name}`, rule }] });
}

function refusal(reply: FastifyReply, parameter: string, rule: string): ProblemError {
  // RFC 9110, 11.6.1; without it some HTTP clients report a broken answer instead of the status.
  reply.header('www-authenticate', 'Pusher');
  return new ProblemError('signature-invalid', { errors: [{ field: `query.${parameter}`, rule }] });
}
