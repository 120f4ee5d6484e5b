import { createRest } from '@holdfast/client';
import { useEffect, useState } from 'react';
import { fetchToken } from './backend.ts';

export interface Entry {
  readonly id: string;
  readonly data: unknown;
}

/**
 * The messages of a topic before this page came: its history, read once the client receives what comes live. In this order
 * nothing falls in between; a message may be in both.
 */
export function useHistory(controlUrl: string, topic: string, isLive: boolean): readonly Entry[] {
  const [entries, setEntries] = useState<readonly Entry[]>([]);
  useEffect(() => {
    if (!isLive) return undefined;
    const gone = new AbortController();
    const { signal } = gone;
    const read = async () => {
      const token = await fetchToken({ signal });
      if (token === null) return;
      // A room keeps 100 messages (keys.json), which is one page.
      const { messages } = await createRest({ controlUrl, token }).history(topic, { limit: 100, signal });
      setEntries(messages);
    };
    read().catch((error: unknown) => {
      if (!signal.aborted) console.warn('no history:', error);
    });
    return () => gone.abort();
  }, [controlUrl, topic, isLive]);
  return entries;
}
