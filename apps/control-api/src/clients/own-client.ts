import type { ClientState } from '@holdfast/broker/client-state';
import type { KeyRing } from '../auth/authentication.ts';
import { requireAuthorization } from '../auth/client-authorization.ts';
import { type Principal, principalOfClient, principalOfToken } from '../auth/principal.ts';
import type { VerifiedToken } from '../auth/tokens/token-verifier.ts';
import { ProblemError } from '../http/problem-error.ts';

/**
 * By whose rights a call acts whose path has the UUID of a client: those of the token that it was made with, which must be
 * the client's, or those of the client itself.
 * @throws {ProblemError} not-permitted, token-expired or token-revoked
 */
export function principalOfCall(keys: KeyRing, client: ClientState, token: VerifiedToken | null): Principal {
  requireOwnClient(client, token);
  return token === null ? principalOfClient(keys, client) : principalOfToken(token);
}

/** The same where no right is asked for. */
export function requireOwnClient(client: ClientState, token: VerifiedToken | null): void {
  if (token === null) {
    requireAuthorization(client.identity.token);
    return;
  }
  const { key, name, identity } = client;
  if (key === token.key.id && name === token.client && identity.user === token.user) return;
  throw new ProblemError('not-permitted', { detail: 'The token is for another client than the one in the path' });
}
