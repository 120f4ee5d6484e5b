import { describe, expect, test } from 'vitest';
import { userTopic } from '../users/user-topic.ts';
import { type StoredEvent, decodeEvent, eventId, isBefore, positionBefore, timeOf } from './stored-event.ts';

const event: StoredEvent = {
  partition: '7',
  position: '1000-0',
  type: 'topic.occupied',
  clientId: null,
  data: '{"topic":"a"}',
};

test('an id is the same on every read, and another for another event in the same place', () => {
  expect(eventId(event)).toBe(eventId({ ...event }));
  expect(eventId(event)).toMatch(/^7-1000-0-[0-9a-f]{8}$/);
  const others: Partial<StoredEvent>[] = [{ type: 'topic.vacated' }, { clientId: 'c' }, { data: '{"topic":"b"}' }];
  const ids = others.map((other) => eventId({ ...event, ...other }));
  expect(new Set([...ids, eventId(event)]).size).toBe(4);
});

describe('an entry', () => {
  test('is an event when it has a type, and an object as its data', () => {
    expect(decodeEvent('7', '1000-0', ['t', 'topic.occupied', 'd', '{"topic":"a"}'])).toEqual(event);
    expect(decodeEvent('7', '1000-0', ['t', 'x', 'c', 'id', 'd', '{}'])).toMatchObject({ clientId: 'id' });
    expect(decodeEvent('7', '1000-0', ['d', '{}'])).toBeNull();
    expect(decodeEvent('7', '1000-0', ['t', 'x', 'd', '[1]'])).toBeNull();
    expect(decodeEvent('7', '1000-0', [])).toBeNull();
  });
});

test('positions are compared as numbers', () => {
  expect(isBefore('9-0', '10-0')).toBe(true);
  expect(isBefore('10-9', '10-10')).toBe(true);
  expect(isBefore('10-10', '10-10')).toBe(false);
  expect(isBefore('10-18446744073709551614', '10-18446744073709551615')).toBe(true);
});

test('the position before a time is before all that happened then, and after what was earlier', () => {
  expect(isBefore(positionBefore(1_000), '1000-0')).toBe(true);
  expect(isBefore('999-5', positionBefore(1_000))).toBe(true);
  expect(timeOf('1000-3')).toBe(1_000);
});

const decoded = (data: string) => decodeEvent('7', '1-0', ['t', 'message.published', 'd', data])?.data;

test('the topic of a user has the name that callers know, and the user, beside the bytes that were published', () => {
  const user = 'ann/"ž" %40';
  expect(decoded(`{"topic":"${userTopic(user)}","id":"1-0","data":{"a": 1.50}}`)).toBe(
    `{"topic":"@user","user":${JSON.stringify(user)},"id":"1-0","data":{"a": 1.50}}`,
  );
});

test('any other event is as it was written, whatever was published', () => {
  for (const data of [
    '{"topic":"news","id":"1-0","data":{"topic":"@user:ann"}}',
    '{"topic":"@me","id":"1-0","data":"{\\"topic\\":\\"@user:ann\\""}',
    '{"name":"@user:ann"}',
  ]) {
    expect(decoded(data)).toBe(data);
  }
});
