import type { ConnectionClaim } from '../connection/connection.ts';

/** A claim, as a connection begins with. */
export function someClaim(clientId = 'client', generation = 1): ConnectionClaim {
  const client = { clientId, incarnation: '0', ownPosition: '0-0', lastGeneration: 0 };
  return { generation, digest: 1, read: 0, sentAt: 0, client };
}
