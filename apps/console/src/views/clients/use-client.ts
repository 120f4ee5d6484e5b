import { useRef } from 'preact/hooks';
import type { CallError } from '../../api/call-error.ts';
import { type Client, readClient } from '../../api/clients.ts';
import { send } from '../../api/send.ts';
import { readPosition } from '../../api/topics.ts';
import { type Called, useAnswer } from '../../state/use-call.ts';
import type { SeenClient } from './served-topics.ts';

const REFRESH_MS = 3_000;
/** Topics whose last message is asked for with each look: that is a call each. */
export const HEADS = 20;

/** A client with how far its topics have got, kept fresh. */
export function useClient(ref: string): Called<SeenClient> {
  const topics = useRef<readonly string[] | null>(null);
  return useAnswer(
    ref,
    async (signal) => {
      topics.current ??= topicsOf(await send(readClient(ref), { signal }));
      // Before the client: what it was given since is then no lag.
      const heads = await headsOf(topics.current, signal);
      const client = await send(readClient(ref), { signal });
      topics.current = topicsOf(client);
      return { client, heads };
    },
    { every: REFRESH_MS },
  );
}

function topicsOf({ topics }: Client): readonly string[] {
  return topics.toSorted().slice(0, HEADS);
}

async function headsOf(topics: readonly string[], signal: AbortSignal): Promise<Map<string, string | null>> {
  const heads = new Map<string, string | null>();
  await Promise.all(
    topics.map(async (topic) => {
      try {
        heads.set(topic, (await send(readPosition(topic), { signal })).position);
      } catch (error) {
        if ((error as CallError).code === 'topic-not-found') heads.set(topic, null);
      }
    }),
  );
  return heads;
}
