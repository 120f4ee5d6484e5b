import type { ClientState } from '@holdfast/broker/client-state';
import { TOKEN_CLIENT_EXPIRY_SECONDS, TOKEN_LEEWAY_SECONDS } from '@holdfast/protocol/limits';
import { isRevoked } from '@holdfast/broker/client-identity';
import type { KeyRing } from '../auth/authentication.ts';

/** After how many seconds without a connection a client is forgotten; null: never. */
export type ClientExpiry = (client: Pick<ClientState, 'key' | 'identity'>) => number | null;

/**
 * What was said when it was registered; else what its API key says; where that says nothing, a week for clients of tokens, and the service's setting for all others.
 * @param otherwise the service's setting, in seconds
 */
export function clientExpiry(keys: KeyRing, otherwise: number | null): ClientExpiry {
  return ({ key, identity }) => {
    if (identity.expirySeconds !== undefined) return identity.expirySeconds;
    const ofKey = keys.get(key)?.clientExpirySeconds;
    if (ofKey !== undefined) return ofKey;
    return identity.token === null ? otherwise : TOKEN_CLIENT_EXPIRY_SECONDS;
  };
}

/**
 * Until when a client that is not connected may have been, in milliseconds since the epoch: its tries to connect with an
 * authorization that had ended do not count.
 */
export function lastUsed({ since, identity: { token } }: Pick<ClientState, 'since' | 'identity'>): number {
  if (token === null || isRevoked(token)) return since;
  return Math.min(since, token.expiresAt + TOKEN_LEEWAY_SECONDS * 1000);
}
