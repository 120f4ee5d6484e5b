import type { FastifyRequest } from 'fastify';
import type { Services } from '../services.ts';
import { presentedCredential } from './authentication.ts';
import { type Right, requireRight } from './authorization.ts';
import { principalOfKey, principalOfToken } from './principal.ts';
import { tokenRevoked } from './tokens/refusals.ts';

type Needed = Pick<Services, 'broker' | 'keys' | 'tokens'>;

/**
 * A hook for the calls that need a valid API key or a token, and maybe a right; before the body is read. What a call may,
 * the principal that it sets says.
 */
export function needsKeyOrToken(services: Needed, right?: Right) {
  return async (request: FastifyRequest): Promise<void> => {
    const credential = presentedCredential(request);
    if (credential?.kind === 'token') await takeToken(services, request, credential.token);
    else request.principal = principalOfKey(services.keys.check(credential?.key));
    if (right !== undefined && request.principal !== null) requireRight(request.principal, right);
  };
}

/** A hook for the calls whose path has the UUID of a client, which is enough; a token that comes with it is verified. */
export function mayHaveToken(services: Needed) {
  return async (request: FastifyRequest): Promise<void> => {
    const credential = presentedCredential(request);
    if (credential?.kind === 'token') await takeToken(services, request, credential.token);
  };
}

async function takeToken({ broker, tokens }: Needed, request: FastifyRequest, text: string): Promise<void> {
  // Under the turn of the address: who sends invalid tokens takes the time of its own address.
  const token = await tokens.verify(text);
  await request.countFor(`token ${token.key.id} ${token.user}`);
  // Read for each call: a revocation holds at once.
  if (token.issuedAt < (await broker.revokedBefore(token.user, token.key.id))) throw tokenRevoked();
  request.token = token;
  request.principal = principalOfToken(token);
}
