import { createHash } from 'node:crypto';
import { type StoredEvent, eventId, isBefore, timeOf } from '@holdfast/broker/stored-event';
import type { Outgoing } from './sender.ts';

/** An event as receivers get it. */
export interface PublicEvent {
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
export async function publicEvents(
  events: readonly StoredEvent[],
  refsOf: (clientIds: readonly string[]) => Promise<string[]>,
): Promise<PublicEvent[]> {
  const clientIds = events.flatMap(({ clientId }) => clientId ?? []);
  const refs = await refsOf(clientIds);
  const refOf = new Map(clientIds.map((clientId, index) => [clientId, refs[index] ?? '']));
  return events.map((event) => ({
    id: eventId(event),
    type: event.type,
    timestamp: new Date(timeOf(event.position)).toISOString(),
    data: withRef(event.data, event.clientId === null ? undefined : refOf.get(event.clientId)),
  }));
}

/** As text, for what was published must keep its bytes. */
function withRef(data: string, ref: string | undefined): string {
  if (ref === undefined) return data;
  const rest = data.slice(1).trimStart();
  return `{"ref":"${ref}"${rest.startsWith('}') ? '' : ','}${rest}`;
}

/** The request of one event. */
export function singleRequest({ id, type, timestamp, data }: PublicEvent): Outgoing {
  const body = `{"type":${JSON.stringify(type)},"timestamp":"${timestamp}","data":${data}}`;
  return { id, body: Buffer.from(body) };
}

/** The request of several: its time is that of the last of them. */
export function batchRequest(id: string, events: readonly PublicEvent[]): Outgoing {
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

/** The same for the same events, so that whoever takes over goes on under the same id. */
export function batchId(events: readonly StoredEvent[]): string {
  const digest = createHash('sha256').update(events.map((event) => eventId(event)).join(' '));
  const first = events.map(({ position }) => position).reduce((one, other) => (isBefore(one, other) ? one : other));
  return `batch-${first}-${digest.digest('hex').slice(0, 16)}`;
}
