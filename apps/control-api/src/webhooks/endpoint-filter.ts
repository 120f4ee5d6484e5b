import type { EventOfChannel, WantedOfChannels } from '@holdfast/broker/broker';
import type { StoredEvent } from '@holdfast/broker/stored-event';
import { EVENT_TYPES, type EventType } from '@holdfast/protocol/events';
import { isChannelTopic } from '@holdfast/protocol/pusher-channels';
import { pusherEventName } from '@holdfast/protocol/pusher-webhooks';
import { matchesAny } from '@holdfast/protocol/topic-name';
import { type WebhookEndpoint, matchesType } from '@holdfast/protocol/webhooks-file';
import { STORED_TYPES, channelEventOf } from './pusher/channel-event.ts';

/** What an endpoint wants, as its file has it. */
interface Filter {
  readonly types: readonly string[];
  readonly topics?: string[] | undefined;
  /** Of format "pusher": the app whose channels it gets. Without one it gets clients and topics. */
  readonly app?: string | undefined;
}

/** What others need to know of an endpoint to judge which events are for it. */
export function filterOf(endpoint: WebhookEndpoint): { id: string; types: string[] } & Pick<Filter, 'topics' | 'app'> {
  const { id, types, topics, app } = { topics: undefined, app: undefined, ...endpoint };
  return { id, types, topics, app };
}

type Event = Pick<StoredEvent, 'type' | 'data'>;

const KNOWN = new Set<string>(EVENT_TYPES);

/** Whether an event is for an endpoint. One of a type that a later version writes is for none. */
export function isFor({ types, topics, app }: Filter, event: Event): boolean {
  if (app !== undefined) {
    const found = channelEventOf(event);
    return found !== null && found.appId === app && types.includes(found.name);
  }
  const { type } = event;
  if (!KNOWN.has(type) || !types.some((pattern) => matchesType(pattern, type as EventType))) return false;
  const data = parsed(event.data);
  if (data === null) return false;
  const { topic } = data;
  if (typeof topic !== 'string') return true;
  return !isChannelTopic(topic) && (topics === undefined || matchesAny(topics, topic));
}

/**
 * Whether an endpoint may get an event, whichever types it wants: of its app's channels, or of all but channels.
 * @param app undefined for an endpoint of clients and topics
 */
export function mayGet(app: string | undefined, event: Event): boolean {
  if (app !== undefined) return channelEventOf(event)?.appId === app;
  const topic = parsed(event.data)?.topic;
  return typeof topic !== 'string' || !isChannelTopic(topic);
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

/** For each type that any of these endpoints wants the topics of which, null for all. Channels are no topics. */
export function wantedBy(endpoints: readonly Filter[]): Partial<Record<EventType, string[] | null>> {
  const wanted: Partial<Record<EventType, string[] | null>> = {};
  const ofTopics = endpoints.filter(({ app }) => app === undefined);
  for (const type of EVENT_TYPES) {
    const those = ofTopics.filter(({ types }) => types.some((pattern) => matchesType(pattern, type)));
    if (those.length === 0) continue;
    const all = those.some(({ topics }) => topics === undefined);
    wanted[type] = all ? null : [...new Set(those.flatMap(({ topics = [] }) => topics))].toSorted();
  }
  return wanted;
}

/** For each stored type that any of these endpoints wants of channels the ids of the apps. */
export function wantedOfChannels(endpoints: readonly Filter[]): WantedOfChannels {
  const wanted: Partial<Record<EventOfChannel, string[]>> = {};
  for (const name of pusherEventName.options) {
    const type = STORED_TYPES[name];
    const apps = endpoints.flatMap(({ types, app }) => (app !== undefined && types.includes(name) ? [app] : []));
    if (apps.length > 0) wanted[type] = [...new Set(apps)].toSorted();
  }
  return wanted;
}
