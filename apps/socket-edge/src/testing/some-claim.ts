import type { ConnectionClaim } from '../connection/connection.ts';

/** A claim, as a connection begins with. */
export function someClaim(clientId = 'client', generation = 1): ConnectionClaim {
  return { generation, digest: 1, read: 0, sentAt: 0, client: { clientId, incarnation: '0', ownPosition: '0-0' } };
}
