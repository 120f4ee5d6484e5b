import { isRevoked } from '@holdfast/broker/client-identity';
import type { ClientState } from '@holdfast/broker/client-state';
import type { KeyRing } from '../auth/authentication.ts';
import { type Principal, principalOfClient, principalOfToken } from '../auth/principal.ts';
import { hasEnded } from '../auth/tokens/claims.ts';
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
    requireAuthorized(client);
    return;
  }
  const { key, name, identity } = client;
  if (key === token.key.id && name === token.client && identity.user === token.user) return;
  throw new ProblemError('not-permitted', { detail: 'The token is for another client than the one in the path' });
}

/** The UUID of a client of tokens opens nothing once its authorization is over. */
function requireAuthorized({ identity: { token } }: ClientState): void {
  if (token === null || !hasEnded(token.expiresAt, Date.now())) return;
  const renewing = 'register it with a fresh token';
  if (isRevoked(token)) {
    throw new ProblemError('token-revoked', { detail: `The token of the client was revoked; ${renewing}` });
  }
  throw new ProblemError('token-expired', { detail: `The token of the client has expired; ${renewing}` });
}
