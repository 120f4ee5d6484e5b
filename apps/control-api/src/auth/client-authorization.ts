import { type ClientToken, isRevoked } from '@holdfast/broker/client-identity';
import { TOKEN_LEEWAY_SECONDS } from '@holdfast/protocol/limits';
import { ProblemError } from '../http/problem-error.ts';

const LEEWAY_MS = TOKEN_LEEWAY_SECONDS * 1000;

/**
 * The UUID of a client of tokens opens nothing once its authorization has ended. For every call that is made by UUID alone.
 * @param token null: the client is none of tokens
 * @throws {ProblemError} token-expired, or token-revoked
 */
export function requireAuthorization(token: ClientToken | null): void {
  if (token === null) return;
  if (isRevoked(token)) {
    throw new ProblemError('token-revoked', {
      detail: 'The token that the client was registered with has been revoked',
    });
  }
  if (Date.now() >= token.expiresAt + LEEWAY_MS) {
    const end = new Date(token.expiresAt).toISOString();
    throw new ProblemError('token-expired', { detail: `The authorization of the client ended at ${end}` });
  }
}
