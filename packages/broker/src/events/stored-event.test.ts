import { expect, test } from 'vitest';
import { userTopic } from '../users/user-topic.ts';
import { decodeEvent } from './stored-event.ts';

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
