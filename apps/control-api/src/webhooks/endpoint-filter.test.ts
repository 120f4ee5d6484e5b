import { describe, expect, test } from 'vitest';
import { filterOf, isFor, mayGet, wantedBy, wantedOfChannels } from './endpoint-filter.ts';

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
    [{ types: ['*'] }, ofTopic('topic.occupied', '!app!room'), false],
    [{ types: ['*'] }, ofTopic('channel.cache-miss', '!app!cache-a'), false],
    [{ types: ['channel_occupied'], app: 'app' }, ofTopic('topic.occupied', '!app!room'), true],
    [{ types: ['channel_vacated'], app: 'app' }, ofTopic('topic.occupied', '!app!room'), false],
    [{ types: ['channel_occupied'], app: 'app' }, ofTopic('topic.occupied', '!other!room'), false],
    [{ types: ['channel_occupied'], app: 'app' }, ofTopic('topic.occupied', 'room'), false],
    [{ types: ['channel_occupied'], app: 'app' }, { type: 'client.connected', data: '{"name":"a"}' }, false],
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

test('what is wanted of channels is what any endpoint wants of its app, and never of topics', () => {
  const endpoints = [
    { types: ['topic.occupied', 'member.*'], topics: ['a'] },
    { types: ['channel_occupied', 'cache_miss'], app: 'two' },
    { types: ['channel_occupied'], app: 'one' },
    { types: ['channel_occupied'], app: 'two' },
  ];
  expect(wantedOfChannels(endpoints)).toEqual({ 'topic.occupied': ['one', 'two'], 'channel.cache-miss': ['two'] });
  expect(wantedBy(endpoints)).toEqual({ 'topic.occupied': ['a'], 'member.joined': ['a'], 'member.left': ['a'] });
  expect(wantedBy([{ types: ['channel_occupied'], app: 'one' }])).toEqual({});
});

test('an endpoint may get the channels of its app, or all but channels', () => {
  const events = [ofTopic('topic.lost'), ofTopic('topic.lost', '!app!a'), ofTopic('topic.occupied', '!app!a')];
  expect(events.map((event) => mayGet(undefined, event))).toEqual([true, false, false]);
  expect(events.map((event) => mayGet('app', event))).toEqual([false, false, true]);
  expect(events.map((event) => mayGet('other', event))).toEqual([false, false, false]);
});

test('other processes learn of an endpoint neither its secret nor its URL', () => {
  const url = 'https://example.com/?token=t';
  const secrets = [`whsec_${Buffer.alloc(24).toString('base64')}`];
  expect(filterOf({ id: 'a', format: 'standard', url, secrets, types: ['*'] })).toEqual({ id: 'a', types: ['*'] });
  expect(filterOf({ id: 'a', format: 'pusher', url, app: 'app', types: ['cache_miss'] })).toEqual({
    id: 'a',
    types: ['cache_miss'],
    app: 'app',
  });
});
