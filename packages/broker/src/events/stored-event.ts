import { createHash } from 'node:crypto';
import { USER_TOPIC } from '@holdfast/protocol/topic-name';
import { isUserTopic, userOfTopic } from '../users/user-topic.ts';

/** An event as it lies in a stream. */
export interface StoredEvent {
  /** The name of the partition. */
  readonly partition: string;
  /** The id of its entry, `<ms>-<sequence>`. */
  readonly position: string;
  readonly type: string;
  /** The client that it tells of: a credential, which no receiver may see. */
  readonly clientId: string | null;
  /** All else that it tells, a JSON object. */
  readonly data: string;
}

/** The fields of an entry; null when it is none of ours. */
export function decodeEvent(partition: string, position: string, fields: readonly string[]): StoredEvent | null {
  const found = new Map<string, string>();
  for (let index = 0; index + 1 < fields.length; index += 2) found.set(fields[index] ?? '', fields[index + 1] ?? '');
  const type = found.get('t');
  const data = found.get('d') ?? '{}';
  if (type === undefined || !data.startsWith('{')) return null;
  return { partition, position, type, clientId: found.get('c') ?? null, data: withUser(data) };
}

/** With `@user` and the user in the place of the name under which the user's topic is kept. */
function withUser(data: string): string {
  const [written, topic = ''] = /^\{"topic":"([^"]*)"/.exec(data) ?? [];
  if (written === undefined || !isUserTopic(topic)) return data;
  return `{"topic":"${USER_TOPIC}","user":${JSON.stringify(userOfTopic(topic))}${data.slice(written.length)}`;
}

/**
 * The same on every read; another for an event that a Redis which lost its last writes has in the place of one of before.
 */
export function eventId({ partition, position, type, clientId, data }: StoredEvent): string {
  const digest = createHash('sha256')
    .update(`${type}\0${clientId ?? ''}\0${data}`)
    .digest('hex');
  return `${partition}-${position}-${digest.slice(0, 8)}`;
}

/** When it happened, in ms by the clock of Redis. */
export function timeOf(position: string): number {
  return Number(position.slice(0, position.indexOf('-')));
}

/** The position before all events of this time. */
export function positionBefore(ms: number): string {
  return `${Math.max(0, ms - 1)}-${MAX_SEQUENCE}`;
}

const MAX_SEQUENCE = '18446744073709551615';

/** Whether the first of two positions comes first. */
export function isBefore(one: string, other: string): boolean {
  const [ms, otherMs] = [timeOf(one), timeOf(other)];
  if (ms !== otherMs) return ms < otherMs;
  return BigInt(one.slice(one.indexOf('-') + 1)) < BigInt(other.slice(other.indexOf('-') + 1));
}
