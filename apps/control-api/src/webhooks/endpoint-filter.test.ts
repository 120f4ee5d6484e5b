import { describe, expect, test } from 'vitest';
import { isFor, wantedBy } from './endpoint-filter.ts';

const ofTopic = (type: string, topic = 'room.a') => ({ type, data: JSON.stringify({ topic }) });

describe('an endpoint', () => {
  test.each([
    [{ types: ['*'] }, ofTopic('topic.occupied'), true],
    [{ types: ['*'] }, ofTopic('message.published'), false],
    [{ types: ['message.published'] }, ofTopic('message.published'), true],
    [{ types: ['topic.*'] }, ofTopic('topic.lost'), true],
    [{ types: ['topic.*'] }, ofTopic('member.left'), false],
    [{ types: ['*'] }, ofTopic('topic.of-a-later-version'), false],
    [{ types: ['*'], topics: ['room.*'] }, ofTopic('topic.occupied'), true],
    [{ types: ['*'], topics: ['hall.*', 'room.a'] }, ofTopic('topic.occupied'), true],
    [{ types: ['*'], topics: ['hall.*'] }, ofTopic('topic.occupied'), false],
    [{ types: ['*'], topics: ['hall.*'] }, { type: 'client.connected', data: '{"name":"a"}' }, true],
    [{ types: ['*'] }, { type: 'topic.occupied', data: '{"topic":' }, false],
  ])('%j, %j: %j', (endpoint, event, expected) => expect(isFor(endpoint, event)).toBe(expected));
});

test('what is wanted is what any endpoint wants, of all topics where one names none', () => {
  expect(wantedBy([])).toEqual({});
  expect(
    wantedBy([
      { types: ['topic.lost', 'member.*'], topics: ['b', 'a'] },
      { types: ['topic.lost'], topics: ['a', 'c.*'] },
      { types: ['member.left'] },
    ]),
  ).toEqual({ 'topic.lost': ['a', 'b', 'c.*'], 'member.joined': ['a', 'b'], 'member.left': null });
  expect(wantedBy([{ types: ['*'] }])).not.toHaveProperty('message.published');
});
