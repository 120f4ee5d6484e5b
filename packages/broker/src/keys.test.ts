import { createRequire } from 'node:module';
import { channelTopic, onlineChannel, userChannel } from '@holdfast/protocol/pusher-channels';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { userTopic } from './users/user-topic.ts';
import { CLIENT_BUCKETS, type Keys, bucketName, bucketOf, redisKeys } from './keys.ts';

/** What ioredis itself decides slots with. */
const slotOf = createRequire(import.meta.url)('cluster-key-slot') as (key: string) => number;

const prefix = fc.stringMatching(/^[a-z0-9:_-]{0,8}$/);
const topic = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}(\.[A-Za-z0-9_-]{1,20}){0,3}$/);
const word = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
/** All that an idempotency key may be, braces with it. */
const once = fc.stringMatching(/^[\x21-\x7e]{1,40}$/);

const ofTopic = (keys: Keys, name: string, idempotency: string) => [
  keys.topic(name),
  keys.topicLog(name),
  keys.topicLive(name),
  keys.topicIdempotency(name, idempotency),
  keys.topicHere(name),
  keys.topicHereOf(name, '0f'),
  keys.topicHereNext(name),
  keys.topicEdges(name),
  keys.topicCached(name),
];

/** For each script, every key it touches. */
function scripts(keys: Keys, name: string, id: string, idempotency: string): Record<string, string[]> {
  return {
    'publish, put-topic, expire-topic, delete-topic, read-log': ofTopic(keys, name, idempotency),
    'register, claim, change-topics, publish-to-client, unregister': [
      keys.client(id),
      keys.clientLog(id),
      keys.clientIdempotency(id, idempotency),
      keys.clientTombstone(id, idempotency),
      keys.clientPast(id),
      keys.clientLeft(id),
    ],
    'join-user, leave-user, revoke-tokens': [keys.userClients(idempotency), keys.userRevoked(idempotency)],
    'count-topic': [keys.key(id), keys.keyTopics(id)],
    'lease-webhook, write-webhook, release-webhook': [
      keys.webhook(id),
      keys.webhookCursors(id),
      keys.webhookDeliveries(id),
    ],
    'try-write': [keys.trial(id), keys.trialLog(id), keys.trialLive(id)],
    'reserve, settle': [keys.key(id), keys.keyNames(id), keys.keyPending(id)],
  };
}

const every = (keys: Keys, name: string, id: string, idempotency: string) => [
  ...Object.values(scripts(keys, name, id, idempotency)).flat(),
  keys.clientBucket('00f'),
  keys.topics(),
  keys.topicsExpiring(),
  keys.topicsVacating(),
  keys.edges(),
  keys.edge(id),
  keys.edgeDirty(id),
  keys.edgeLive(id),
  keys.edgeHere(id),
  keys.edgeLeft(id),
  keys.edgesHere(),
  keys.edgeTopics(id),
  keys.edgeSearch(id),
  keys.edgesWithTopics(),
  keys.events(id),
  keys.eventsChanged(),
  keys.eventsWanted(),
  keys.webhook(id),
  keys.webhookCursors(id),
  keys.webhookDeliveries(id),
  keys.apps(),
  keys.secret(),
  keys.answers(id),
];

describe('Redis keys', () => {
  test('begin with the prefix, every one', () => {
    fc.assert(
      fc.property(prefix, topic, word, once, (start, name, id, idempotency) => {
        for (const key of every(redisKeys(start), name, id, idempotency)) expect(key.startsWith(start)).toBe(true);
        expect(Object.keys(redisKeys(start)).length).toBe(new Set(every(redisKeys(start), name, id, idempotency)).size);
      }),
    );
  });

  test('of one script lie in one Cluster slot', () => {
    fc.assert(
      fc.property(prefix, topic, word, once, (start, name, id, idempotency) => {
        const touched = Object.entries(scripts(redisKeys(start), name, id, idempotency));
        expect(touched.filter(([, keys]) => new Set(keys.map(slotOf)).size > 1)).toEqual([]);
      }),
    );
  });

  test('of a user lie in the slot of its topic, whatever its name', () => {
    fc.assert(
      fc.property(prefix, fc.string({ unit: 'grapheme', minLength: 1, maxLength: 128 }), once, (start, user, id) => {
        const keys = redisKeys(start);
        const touched = [...ofTopic(keys, userTopic(user), id), keys.userClients(user), keys.userRevoked(user)];
        expect(new Set(touched.map(slotOf)).size).toBe(1);
      }),
    );
  });

  test('of a channel lie in the slot of its topic, whatever its name', () => {
    const user = fc.stringMatching(/^[\x21\x23-\x5b\x5d-\x7a|~]{1,128}$/);
    fc.assert(
      fc.property(prefix, word, fc.oneof(user.map(userChannel), user.map(onlineChannel)), (start, appId, channel) => {
        expect(channel).not.toMatch(/["\\{}]/);
        expect(new Set(ofTopic(redisKeys(start), channelTopic(appId, channel), 'x').map(slotOf)).size).toBe(1);
      }),
    );
  });

  test('of two topics are never the same', () => {
    fc.assert(
      fc.property(topic, topic, once, once, (one, other, first, second) => {
        fc.pre(one !== other);
        const keys = redisKeys('hf:');
        expect(new Set([...ofTopic(keys, one, first), ...ofTopic(keys, other, second)]).size).toBe(18);
      }),
    );
  });
});

describe('buckets of clients', () => {
  test('are as many as said, and in the order of ids', () => {
    const names = Array.from({ length: CLIENT_BUCKETS }, (_, bucket) => bucketName(bucket));
    expect(names).toEqual(names.toSorted());
    expect(new Set(names).size).toBe(CLIENT_BUCKETS);
    expect([names[0], names.at(-1)]).toEqual(['000', 'fff']);
  });

  test('hold every client id', () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(bucketName(Number.parseInt(bucketOf(id), 16))).toBe(bucketOf(id));
      }),
    );
  });
});
