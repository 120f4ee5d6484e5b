import { userTopic } from './users/user-topic.ts';

/**
 * Every Redis key and channel, spelled once. What one script touches shares a hash tag (`{…}`), so that it lies in one
 * Cluster slot; the tag is the first pair of braces in a key, and neither a prefix nor a name can hold a brace.
 */
export type Keys = ReturnType<typeof redisKeys>;

/** Registrations are indexed in 4,096 buckets by the first three digits of the UUID: in the order of ids, and small. */
export const CLIENT_BUCKETS = 4096;
const BUCKET_DIGITS = 3;

export function redisKeys(prefix: string) {
  return {
    client: (clientId: string) => `${prefix}client:{${clientId}}`,
    clientLog: (clientId: string) => `${prefix}client:{${clientId}}:log`,
    clientIdempotency: (clientId: string, key: string) => `${prefix}client:{${clientId}}:once:${key}`,
    clientTombstone: (clientId: string, nonce: string) => `${prefix}client:{${clientId}}:left:${nonce}`,
    clientPast: (clientId: string) => `${prefix}client:{${clientId}}:past`,
    clientLeft: (clientId: string) => `${prefix}client:{${clientId}}:left`,
    clientBucket: (bucket: string) => `${prefix}clients:{${bucket}}`,

    topic: (topic: string) => `${prefix}topic:{${topic}}`,
    topicLog: (topic: string) => `${prefix}topic:{${topic}}:log`,
    topicLive: (topic: string) => `${prefix}topic:{${topic}}:live`,
    topicIdempotency: (topic: string, key: string) => `${prefix}topic:{${topic}}:once:${key}`,
    topicHere: (topic: string) => `${prefix}topic:{${topic}}:here`,
    topicHereOf: (topic: string, edge: string) => `${prefix}topic:{${topic}}:here:${edge}`,
    topicHereNext: (topic: string) => `${prefix}topic:{${topic}}:here:next`,
    topicEdges: (topic: string) => `${prefix}topic:{${topic}}:edges`,
    topicCached: (topic: string) => `${prefix}topic:{${topic}}:cached`,
    topics: () => `${prefix}topics`,
    topicsExpiring: () => `${prefix}topics:expiring`,
    topicsVacating: () => `${prefix}topics:vacating`,

    userClients: (user: string) => `${prefix}topic:{${userTopic(user)}}:clients`,
    userRevoked: (user: string) => `${prefix}topic:{${userTopic(user)}}:revoked`,

    key: (keyId: string) => `${prefix}key:{${keyId}}`,
    keyNames: (keyId: string) => `${prefix}key:{${keyId}}:names`,
    keyTopics: (keyId: string) => `${prefix}key:{${keyId}}:topics`,
    keyPending: (keyId: string) => `${prefix}key:{${keyId}}:unsettled`,

    edges: () => `${prefix}edges`,
    edge: (edge: string) => `${prefix}edge:{${edge}}`,
    edgeDirty: (edge: string) => `${prefix}edge:{${edge}}:dirty`,
    edgeHere: (edge: string) => `${prefix}edge:{${edge}}:here`,
    edgeLeft: (edge: string) => `${prefix}edge:{${edge}}:left`,
    /** For which death of the edge its clients are searched for, or were. */
    edgeSearch: (edge: string) => `${prefix}edge:{${edge}}:search`,
    edgesHere: () => `${prefix}edges:here`,
    edgeTopics: (edge: string) => `${prefix}edge:{${edge}}:topics`,
    edgesWithTopics: () => `${prefix}edges:topics`,
    edgeLive: (edge: string) => `${prefix}edge:{${edge}}:live`,

    /** A stream of events; the tag has the slot of what they tell of. */
    events: (tag: string) => `${prefix}events:{${tag}}`,
    /** Streams that events were written to, by time. */
    eventsChanged: () => `${prefix}events:changed`,
    /** Which events are wanted. */
    eventsWanted: () => `${prefix}events:wanted`,

    /** An endpoint of webhooks. */
    webhook: (id: string) => `${prefix}webhook:{${id}}`,
    webhookCursors: (id: string) => `${prefix}webhook:{${id}}:cursors`,
    webhookDeliveries: (id: string) => `${prefix}webhook:{${id}}:deliveries`,

    /** Apps of the Pusher door. */
    apps: () => `${prefix}apps`,

    /** From which the public names of clients are made. */
    secret: () => `${prefix}secret`,

    /** Written to see whether writes are taken. */
    trial: (place: string) => `${prefix}trial:{${place}}`,
    trialLog: (place: string) => `${prefix}trial:{${place}}:log`,
    trialLive: (place: string) => `${prefix}trial:{${place}}:live`,

    answers: (surveyId: string) => `${prefix}answers:{${surveyId}}`,
  };
}

/** The bucket that holds a client: "000" to "fff". */
export function bucketOf(clientId: string): string {
  return clientId.slice(0, BUCKET_DIGITS);
}

/** The name of a bucket by its number, 0 to 4,095. */
export function bucketName(bucket: number): string {
  return bucket.toString(16).padStart(BUCKET_DIGITS, '0');
}
