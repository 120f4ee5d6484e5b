import { comparePositions } from '@holdfast/protocol/position-order';
import type { Client } from '../../api/clients.ts';
import { timeOf } from '../../state/format.ts';

export interface SeenClient {
  readonly client: Client;
  /** The last message of its first topics; null for one that is gone. What could not be asked is missing. */
  readonly heads: ReadonlyMap<string, string | null>;
}

export interface Subscription {
  readonly topic: string;
  readonly desired: boolean;
  /** What the edge has reached; null: it does not serve the topic. */
  readonly position: string | null;
  /** The last message of the topic; null: it is gone. Undefined: not known. */
  readonly head: string | null | undefined;
}

/** All that it is subscribed to, or that is served to it, by name. */
export function subscriptionsOf({ client, heads }: SeenClient): Subscription[] {
  const served = client.served ?? {};
  const names = new Set([...client.topics, ...Object.keys(served)]);
  return [...names].toSorted().map((topic) => ({
    topic,
    desired: client.topics.includes(topic),
    position: served[topic]?.position ?? null,
    head: heads.get(topic),
  }));
}

/** Seconds between the last message of the topic and what was reached; null: not known. */
export function secondsBehind({ position, head }: Pick<Subscription, 'position' | 'head'>): number | null {
  if (position === null || head == null) return null;
  return comparePositions(head, position) <= 0 ? 0 : Math.max(0.001, (timeOf(head) - timeOf(position)) / 1000);
}
