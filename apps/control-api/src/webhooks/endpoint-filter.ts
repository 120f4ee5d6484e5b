import type { StoredEvent } from '@holdfast/broker/stored-event';
import { EVENT_TYPES, type EventType } from '@holdfast/protocol/events';
import { matchesAny } from '@holdfast/protocol/topic-name';
import { type WebhookEndpoint, matchesType } from '@holdfast/protocol/webhooks-file';

type Filter = Pick<WebhookEndpoint, 'types' | 'topics'>;

const KNOWN = new Set<string>(EVENT_TYPES);

/** Whether an event is for an endpoint. One of a type that a later version writes is for none. */
export function isFor({ types, topics }: Filter, event: Pick<StoredEvent, 'type' | 'data'>): boolean {
  const { type } = event;
  if (!KNOWN.has(type) || !types.some((pattern) => matchesType(pattern, type as EventType))) return false;
  const data = parsed(event.data);
  if (data === null) return false;
  const { topic } = data;
  return topics === undefined || typeof topic !== 'string' || matchesAny(topics, topic);
}

/** null: no receiver could read it either. */
function parsed(data: string): { topic?: unknown } | null {
  try {
    return JSON.parse(data) as { topic?: unknown };
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** For each type that any of these endpoints wants the topics of which, null for all. */
export function wantedBy(endpoints: readonly Filter[]): Partial<Record<EventType, string[] | null>> {
  const wanted: Partial<Record<EventType, string[] | null>> = {};
  for (const type of EVENT_TYPES) {
    const those = endpoints.filter(({ types }) => types.some((pattern) => matchesType(pattern, type)));
    if (those.length === 0) continue;
    const all = those.some(({ topics }) => topics === undefined);
    wanted[type] = all ? null : [...new Set(those.flatMap(({ topics = [] }) => topics))].toSorted();
  }
  return wanted;
}
