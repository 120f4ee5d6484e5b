import { channelTopic } from '@holdfast/protocol/pusher-channels';
import { expect, test } from 'vitest';
import { channelEventOf, pusherBody } from './channel-event.ts';

let sequence = 0;
/** An event of a channel as it is stored. */
function stored(type: string, channel: string, data: object = {}, ms = 1_000) {
  sequence += 1;
  return {
    partition: '7',
    position: `${ms}-${sequence}`,
    type,
    clientId: null,
    data: JSON.stringify({ topic: channelTopic('app', channel), ...data }),
  };
}

const member = { member: { id: '10', info: { name: 'Ann' } }, count: 1, version: 5 };
const sent = { event: 'client-typing', data: '{"a" : 1.0}', socket_id: '7.1' };

test.each([
  [stored('topic.occupied', 'a'), { name: 'channel_occupied', channel: 'a' }],
  [stored('topic.vacated', 'a'), { name: 'channel_vacated', channel: 'a' }],
  [stored('member.joined', 'presence-a', member), { name: 'member_added', channel: 'presence-a', user_id: '10' }],
  [stored('member.left', 'presence-a', member), { name: 'member_removed', channel: 'presence-a', user_id: '10' }],
  [stored('channel.cache-miss', 'cache-a'), { name: 'cache_miss', channel: 'cache-a' }],
  [
    stored('channel.client-event', 'private-a', sent),
    { name: 'client_event', channel: 'private-a', event: 'client-typing', data: '{"a" : 1.0}', socket_id: '7.1' },
  ],
  [
    stored('channel.client-event', 'presence-a', { ...sent, data: { a: 1 }, user_id: 'u' }),
    {
      name: 'client_event',
      channel: 'presence-a',
      event: 'client-typing',
      data: '{"a":1}',
      socket_id: '7.1',
      user_id: 'u',
    },
  ],
  [
    stored('channel.subscription-count', 'a', { subscription_count: 3 }),
    { name: 'subscription_count', channel: 'a', subscription_count: 3 },
  ],
])('%j arrives as %j', (event, expected) => {
  const body = String(pusherBody([event]));
  expect(body).toBe(JSON.stringify({ time_ms: 1_000, events: [expected] }));
});

test('a request with several has the time of the last of them', () => {
  const events = [stored('topic.occupied', 'a', {}, 2_000), stored('topic.vacated', 'b', {}, 3_000)];
  expect(JSON.parse(String(pusherBody(events)))).toEqual({
    time_ms: 3_000,
    events: [
      { name: 'channel_occupied', channel: 'a' },
      { name: 'channel_vacated', channel: 'b' },
    ],
  });
});

test.each([
  ['of a topic', { type: 'topic.occupied', data: '{"topic":"a"}' }],
  ['of a client', { type: 'client.connected', data: '{"name":"a"}' }],
  ['of a type that receivers do not know', stored('channel.danced', 'a')],
  ['of a signed-in user', stored('member.joined', '#online-ann', member)],
  ['of the channel of a signed-in user', stored('topic.occupied', '#server-to-user-ann')],
  ['that cannot be read', { type: 'topic.occupied', data: '{"topic":' }],
])('an event %s is none of a channel', (_, event) => expect(channelEventOf(event)).toBeNull());
