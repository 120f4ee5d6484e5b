import { MAX_PAGE_BYTES } from '@holdfast/protocol/limits';
import type { Page } from '../broker.ts';
import type { ClientState } from './state.ts';

/** Clients read at a time while listing; one with a thousand long names of topics is 200 kB. */
const MAX_BATCH = 32;
/** What a client takes in a listing besides its topics, and what a topic takes besides its name. */
const CLIENT_BYTES = 512;
const TOPIC_BYTES = 3;

export type ReadClients = (clientIds: readonly string[]) => Promise<(ClientState | null)[]>;

/** As many of the clients as a page holds, by number and by bytes. */
export async function readPage(
  readClients: ReadClients,
  found: readonly string[],
  limit: number,
): Promise<Page<ClientState>> {
  const items: ClientState[] = [];
  let bytes = 0;
  for (let from = 0; from < Math.min(limit, found.length); from += MAX_BATCH) {
    const ids = found.slice(from, Math.min(from + MAX_BATCH, limit));
    for (const [index, client] of (await readClients(ids)).entries()) {
      if (client === null) continue;
      bytes += bytesOf(client);
      const before = found[from + index - 1];
      if (bytes > MAX_PAGE_BYTES && items.length > 0 && before !== undefined) return { items, cursor: before };
      items.push(client);
    }
  }
  return { items, cursor: found.length > limit ? (found[limit - 1] ?? null) : null };
}

/** What a client takes in a listing, at most. */
function bytesOf({ topics, identity }: ClientState): number {
  let bytes = CLIENT_BYTES + (identity.user?.length ?? 0);
  for (const topic of topics.keys()) bytes += topic.length + TOPIC_BYTES;
  return bytes;
}
