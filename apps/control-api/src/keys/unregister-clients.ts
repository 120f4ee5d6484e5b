import type { Page } from '@holdfast/broker/broker';
import type { ClientState } from '@holdfast/broker/client-state';
import { MAX_PAGE } from '@holdfast/protocol/limits';
import type { Services } from '../services.ts';

/** More at a time would only wait for Redis. */
const MAX_CONCURRENT = 8;

/**
 * Unregisters every client of an API key, page by page of all clients. It goes on when its caller hangs up: the key is
 * gone by then, and its clients should be.
 * @param caller for whom its reads wait in line
 * @returns how many there were
 */
export async function unregisterClientsOf(
  { broker, bulkBroker, bulkReads, counts }: Pick<Services, 'broker' | 'bulkBroker' | 'bulkReads' | 'counts'>,
  keyId: string,
  caller: string,
): Promise<number> {
  let count = 0;
  let after: string | null = null;
  do {
    const from: string | null = after;
    const page: Page<ClientState> = await bulkReads.run(
      caller,
      () => false,
      () => bulkBroker.listClients(from, MAX_PAGE),
    );
    const ids = page.items.flatMap(({ key, clientId }) => (key === keyId ? [clientId] : []));
    const unregisterNext = async (): Promise<void> => {
      for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
        // False: it was unregistered in between.
        if (!(await broker.unregister(id))) continue;
        counts.unregistrations.inc();
        count += 1;
      }
    };
    await Promise.all(Array.from({ length: MAX_CONCURRENT }, unregisterNext));
    after = page.cursor;
  } while (after !== null);
  return count;
}
