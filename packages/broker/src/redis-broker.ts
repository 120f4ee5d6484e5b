import { redisKeys } from './keys.ts';
import type { Commands } from '@holdfast/redis/commands';
import type { ControlBroker, EdgeBroker } from './broker.ts';
import { type BrokenRecord, BrokenRecords } from './broken-records.ts';
import { Claims } from './clients/claims.ts';
import { ClientStore } from './clients/clients.ts';
import { Leases } from './edges/leases.ts';
import { canary } from './live/payload.ts';
import { numberOf } from './lua/replies.ts';
import { Questions } from './edges/survey.ts';
import { Refs } from './clients/refs.ts';
import { Registrations } from './clients/registrations.ts';
import { asked } from '@holdfast/redis/script';
import { TopicQuotas } from './topics/quotas.ts';
import { TopicStore } from './topics/topics.ts';
import { WakeUps } from './edges/pending.ts';
import { tryWrites } from './write-trial.ts';

/** The stores over one connection for commands (no offline queue: what cannot be asked now is refused now). */
function stores(redis: Commands, prefix: string, onBroken?: (record: BrokenRecord) => void) {
  const keys = redisKeys(prefix);
  const broken = new BrokenRecords(onBroken);
  const wakeUps = new WakeUps(redis, keys);
  return {
    keys,
    wakeUps,
    clients: new ClientStore(redis, keys, wakeUps, broken),
    registrations: new Registrations(redis, keys, wakeUps),
    refs: new Refs(redis, keys),
    topics: new TopicStore(redis, keys, wakeUps, broken),
    leases: new Leases(redis, keys),
    questions: new Questions(redis, keys),
  };
}

/** What control-api needs, over one connection for commands. `onBroken` is told of each record that cannot be read. */
export function controlBroker(
  redis: Commands,
  prefix: string,
  onBroken?: (record: BrokenRecord) => void,
): ControlBroker {
  const { keys, clients, registrations, refs, topics, leases, questions } = stores(redis, prefix, onBroken);
  const quotas = new TopicQuotas(redis, keys, topics);
  return {
    register: (client, maxClients) => registrations.register(client, maxClients),
    unregister: (clientId) => registrations.unregister(clientId),
    unregisterUnused: ({ clientId, since }) => registrations.unregister(clientId, since),
    giveUp: (client) => clients.giveUp(client),
    settleAbandoned: (key, olderThanMs) => registrations.settleAbandoned(key, olderThanMs),
    changeTopics: (clientId, change) => clients.changeTopics(clientId, change),
    disconnect: (clientId) => clients.disconnect(clientId),
    readClient: async (clientId) => (await clients.readAll([clientId]))[0] ?? null,
    readClients: (clientIds) => clients.readAll(clientIds),
    refsOf: (clientIds) => refs.refsOf(clientIds),
    findByRef: (ref) => refs.find(ref),
    cursorOf: (clientId) => refs.cursorOf(clientId),
    clientIdOfCursor: (cursor) => refs.clientIdOfCursor(cursor),
    listClients: (cursor, limit) => clients.list(cursor, limit),
    putTopic: (topic, history) => topics.put(topic, history),
    putTopicOf: (owner, topic, history) => quotas.put(owner, topic, history),
    deleteTopic: (topic) => quotas.delete(topic),
    readTopics: (names) => topics.readAll(names),
    listTopics: (cursor, limit) => topics.list(cursor, limit),
    publish: (topic, data, key, caller) => topics.publish(topic, data, key, caller),
    publishAll: (topic, messages) => topics.publishAll(topic, messages),
    publishToClient: (clientId, data, key, caller) => topics.publishToClient(clientId, data, key, caller),
    readLog: (topic, after, limit) => topics.readLog(topic, after, limit),
    readClientLog: (clientId, after, limit) => topics.readClientLog(clientId, after, limit),
    liveEdges: () => leases.live(),
    alive: (edges) => leases.alive(edges),
    sweepEdges: () => leases.sweep(),
    askServed: (edge, clientId) => questions.served(edge, clientId),
    askSubscribers: (topic) => questions.subscribers(topic),
    tryWrites: () => tryWrites(redis, keys),
  };
}

/** What a socket-edge needs, over one connection for commands. */
export function edgeBroker(redis: Commands, prefix: string): EdgeBroker {
  const { keys, wakeUps, clients, topics, leases, questions } = stores(redis, prefix);
  const claims = new Claims(redis, keys);
  return {
    claim: (request) => claims.claim(request),
    release: (clientId, edge, generation) => clients.release(clientId, edge, generation),
    readTopics: (names) => topics.readAll(names),
    compareTopics: (known) => topics.compare(known),
    readLog: (topic, after, limit) => topics.readLog(topic, after, limit),
    readClientLog: (clientId, after, limit) => topics.readClientLog(clientId, after, limit),
    acknowledgeRanges: (client, ranges) => clients.acknowledgeRanges(client, ranges),
    notify: (edges, clientId) => wakeUps.notify(edges, clientId),
    readPending: (edge, max) => wakeUps.read(edge, max),
    acknowledge: (edge, clientIds) => wakeUps.acknowledge(edge, clientIds),
    renewLease: (details) => leases.renew(details),
    dropLease: (edge) => leases.drop(edge),
    answer: (question, payload) => questions.answer(question, payload),
    sendCanary: async (edge, nonce) =>
      numberOf('spublish', await asked(redis.spublish(keys.edgeLive(edge), canary(nonce)))),
  };
}
