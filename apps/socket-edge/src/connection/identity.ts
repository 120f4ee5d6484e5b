import type { ClientIdentity } from '@holdfast/broker/client-state';

/** What a connection keeps besides, of a client of which more is known than its API key, or that watches presence. */
export interface ConnectionIdentity {
  client: ClientIdentity;
  /** It was opened with `?presence=1`. */
  watches: boolean;
}

/** Null when there is nothing to keep: most connections have none, and it would cost each of them. */
export function connectionIdentity(client: ClientIdentity, watches: boolean): ConnectionIdentity | null {
  const { user, info, token } = client;
  // What it may see is needed when it watches only.
  if (watches) return { client, watches };
  return user !== null || info !== null || token !== null ? { client, watches } : null;
}
