import { createHash } from 'node:crypto';
import { type StoredEvent, eventId, isBefore, timeOf } from '@holdfast/broker/stored-event';
import type { WebhookEndpoint } from '@holdfast/protocol/webhooks-file';
import { emptyPusherBody, pusherBody } from './pusher/channel-event.ts';
import type { Outgoing } from './sender.ts';

/** An event as receivers get it. */
interface PublicEvent {
  readonly id: string;
  readonly type: string;
  /** When it happened, RFC 3339 with ms. */
  readonly timestamp: string;
  /** JSON. A published message is in it byte for byte. */
  readonly data: string;
}

/**
 * With the public names of clients in the place of their ids.
 * @param refsOf gives the names, in the order of the ids
 */
async function publicEvents(
  events: readonly [StoredEvent, ...StoredEvent[]],
  refsOf: (clientIds: readonly string[]) => Promise<string[]>,
): Promise<[PublicEvent, ...PublicEvent[]]> {
  const clientIds = events.flatMap(({ clientId }) => clientId ?? []);
  const refs = await refsOf(clientIds);
  const refOf = new Map(clientIds.map((clientId, index) => [clientId, refs[index] ?? '']));
  const shown = (event: StoredEvent): PublicEvent => ({
    id: eventId(event),
    type: event.type,
    timestamp: new Date(timeOf(event.position)).toISOString(),
    data: withRef(event.data, event.clientId === null ? undefined : refOf.get(event.clientId)),
  });
  const [first, ...others] = events;
  return [shown(first), ...others.map(shown)];
}

/** As text, for what was published must keep its bytes. */
function withRef(data: string, ref: string | undefined): string {
  if (ref === undefined) return data;
  const rest = data.slice(1).trimStart();
  return `{"ref":"${ref}"${rest.startsWith('}') ? '' : ','}${rest}`;
}

/**
 * The request with these events in the format of an endpoint. Its body is the same on every try.
 * @param id of the batch; null: it is one event
 */
export async function requestOf(
  format: WebhookEndpoint['format'],
  events: readonly [StoredEvent, ...StoredEvent[]],
  id: string | null,
  refsOf: (clientIds: readonly string[]) => Promise<string[]>,
): Promise<Outgoing> {
  if (format === 'pusher') return { id: id ?? eventId(events[0]), body: pusherBody(events) };
  const [first, ...others] = await publicEvents(events, refsOf);
  return id === null ? singleRequest(first) : batchRequest(id, [first, ...others]);
}

/** The request of one event. */
function singleRequest({ id, type, timestamp, data }: PublicEvent): Outgoing {
  const body = `{"type":${JSON.stringify(type)},"timestamp":"${timestamp}","data":${data}}`;
  return { id, body: Buffer.from(body) };
}

/** The request of several: its time is that of the last of them. */
function batchRequest(id: string, events: readonly PublicEvent[]): Outgoing {
  const parts = events.map(
    (event) =>
      `{"id":"${event.id}","type":${JSON.stringify(event.type)},"timestamp":"${event.timestamp}","data":${event.data}}`,
  );
  const timestamp = events.map((event) => event.timestamp).reduce((one, other) => (one > other ? one : other), '');
  return {
    id,
    body: Buffer.from(`{"type":"batch","timestamp":"${timestamp}","data":{"events":[${parts.join(',')}]}}`),
  };
}

/** The body of a request that tells of nothing, to try an endpoint with. */
export function testBody({ format, id }: Pick<WebhookEndpoint, 'format' | 'id'>): Buffer {
  if (format === 'pusher') return emptyPusherBody();
  const event = { type: 'webhook.test', timestamp: new Date().toISOString(), data: { endpoint: id } };
  return Buffer.from(JSON.stringify(event));
}

/** The same for the same events, so that whoever takes over goes on under the same id. */
export function batchId(events: readonly StoredEvent[]): string {
  const digest = createHash('sha256').update(events.map((event) => eventId(event)).join(' '));
  const first = events.map(({ position }) => position).reduce((one, other) => (isBefore(one, other) ? one : other));
  return `batch-${first}-${digest.digest('hex').slice(0, 16)}`;
}
