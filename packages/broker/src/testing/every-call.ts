import { randomUUID } from 'node:crypto';
import { DEFAULT_PRESENCE } from '@holdfast/protocol/limits';
import { channelTopic } from '@holdfast/protocol/pusher-channels';
import { NO_IDENTITY } from '../clients/identity.ts';
import type { ClientState } from '../clients/state.ts';
import { type TestBroker, detailsOf, someone } from './brokers.ts';

/**
 * Every function of both brokers, in an order in which each finds something to do; but for refs and cursors, which need
 * no Redis once the secret is known.
 */
export function everyCall({
  control,
  edge,
}: Pick<TestBroker, 'control' | 'edge'>): Record<string, () => Promise<unknown>> {
  const user = randomUUID();
  const client = someone({ name: randomUUID(), identity: { ...NO_IDENTITY, user } });
  const { clientId } = client;
  const state: ClientState = {
    ...client,
    topics: new Map(),
    incarnation: '1',
    owner: { edge: 'e1', generation: 2 },
    lastGeneration: 2,
    notify: ['e1'],
    since: 0,
    disconnectUpTo: 0,
    ownPosition: '1-1',
    closed: new Map(),
    ended: { count: 0, lastAt: 0 },
    identity: { ...NO_IDENTITY, user },
  };
  const topic = randomUUID();
  const token = { expiresAt: 2_000_000_000_000, issuedAt: 1, topics: [topic] };
  const renewal = { identity: { ...NO_IDENTITY, user, token }, topics: new Map([[topic, '1-0 7']]), endsAt: new Map() };
  const room = randomUUID();
  const appId = randomUUID();
  const channel = channelTopic(appId, 'presence-cache-a');
  const app = {
    apiKey: 'mobile',
    appId,
    key: randomUUID(),
    secret: 's',
    clientEvents: true,
    subscriptionCount: true,
    maxEventBytes: 10,
    maxPresenceMembers: 10,
  };
  const ann = { id: 'ann', info: '{"a":1}' };
  const data = Buffer.from('{"a":1}');
  return {
    register: () => control.register(client, 1000),
    recoverAbandoned: () => control.recoverAbandoned(client.key, 0),
    putTopic: () => control.putTopic(topic, { size: 5 }),
    putTopicOf: () => control.putTopicOf({ key: client.key, quotaOf: () => undefined }, topic, { size: 5 }),
    createTopicOf: () => control.createTopicOf({ key: client.key, quotaOf: () => undefined }, topic, { size: 5 }),
    changeTopics: () => control.changeTopics(clientId, { add: new Map([[topic, '1-0 7']]) }),
    renew: () => control.renew(clientId, renewal),
    listClientsOf: () => control.listClientsOf(user, null, 10),
    countClientsOf: () => control.countClientsOf([user]),
    publishToUser: () => control.publishToUser(user, { data, idempotencyKey: 'key' }),
    restoreUsers: () => control.restoreUsers([state]),
    revokeTokens: () => control.revokeTokens(user, ['mobile'], 2, 60),
    revokedBefore: () => control.revokedBefore(user, 'mobile'),
    revokeClient: () => control.revokeClient(clientId, 2),
    findByName: () => control.findByName(client.key, client.name ?? ''),
    releaseLostName: () => control.releaseLostName(client.key, client.name ?? '', clientId),
    claim: () => edge.claim({ clientId, edge: 'e1' }),
    disconnect: () => control.disconnect(clientId),
    readClient: () => control.readClient(clientId),
    readClients: () => control.readClients([clientId]),
    findByRef: async () => (await control.findByRef('0123456789abcdef')) === null,
    listClients: () => control.listClients(null, 10),
    'readTopics of control-api': () => control.readTopics([topic]),
    'readTopics of an edge': () => edge.readTopics([topic]),
    compareTopics: () => edge.compareTopics([{ topic, incarnation: '7', last: '1-0', settings: '' }]),
    readWithDormant: () => control.readWithDormant([topic]),
    touchTopic: () => edge.touchTopic(topic),
    expireTopics: () => control.expireTopics(10),
    listTopics: () => control.listTopics(null, 10),
    publish: () => control.publish(topic, data, 'key'),
    publishAll: () => control.publishAll(topic, [{ data, idempotencyKey: 'key' }, { data }]),
    publishToClient: () => control.publishToClient(clientId, data, 'key'),
    'readLog of control-api': () => control.readLog(topic, null, 10),
    'readLog of an edge': () => edge.readLog(topic, '1-0', 10),
    'readClientLog of control-api': () => control.readClientLog(clientId, null, 10),
    'readClientLog of an edge': () => edge.readClientLog(clientId, '1-0', 10),
    notify: () => edge.notify(['e1'], clientId),
    readPending: () => edge.readPending('e1', 10),
    acknowledge: () => edge.acknowledge('e1', [clientId]),
    renewLease: () => edge.renewLease(detailsOf('e1')),
    liveEdges: () => control.liveEdges(),
    noteKeyUsed: () => control.noteKeyUsed('key', 5),
    readKeyUsages: () => control.readKeyUsages(['key']),
    requestDrain: () => control.requestDrain('e1', false),
    alive: () => control.alive(['e1']),
    surveyServed: () => control.surveyServed('e1', clientId),
    surveySubscribers: () => control.surveySubscribers(topic),
    acknowledgeRanges: () => edge.acknowledgeRanges(state, new Map([[topic, '1-0,2-0,7']])),
    answer: () => edge.answer('q1', 7),
    sendProbe: () => edge.sendProbe('e1', 'n1'),
    reapEdges: () => control.reapEdges(),
    'putTopic with presence': () => control.putTopic(room, { presence: DEFAULT_PRESENCE }),
    notePresence: () => edge.notePresence('e2', [room]),
    changePresence: () =>
      edge.changePresence(room, 'e2', { sequence: 2, confirmed: 0, first: 2, joined: [ann], left: [] }),
    setPresence: () => edge.setPresence(room, 'e2', { sequence: 3, members: [ann] }),
    flushPresence: () => edge.flushPresence(room),
    checkPresence: () => edge.checkPresence('e2', [{ topic: room, sequence: 1 }]),
    snapshotPresence: () => edge.snapshotPresence(room),
    readPresence: () => control.readPresence(room, null, 10),
    countPresent: () => control.countPresent([room, topic]),
    leavePresence: () => edge.leavePresence('e3'),
    reapPresence: () => control.reapPresence(),
    forgetPresence: () => edge.forgetPresence('e2', [room]),
    'deleteTopic with presence': () => control.deleteTopic(room),
    'publishToChannel of an edge': () => edge.publishToChannel(channel, { frame: data, except: '1.2' }),
    'publishToChannel of control-api': () => control.publishToChannel(channel, { frame: data, cached: true }),
    openChannel: async () => {
      const { cached, ...open } = await edge.openChannel(channel, DEFAULT_PRESENCE);
      return { ...open, frame: String(cached?.frame) };
    },
    'changeOccupancy with a channel': () => edge.changeOccupancy('e4', [channel], []),
    countSubscribers: () => edge.countSubscribers(channel, 'e4', 3, true),
    readChannels: async () => (await control.readChannels([channel])).map(({ users }) => users),
    listChannels: () => control.listChannels(appId, '', 10),
    terminateConnections: () => control.terminateConnections(appId, 'ann'),
    writeApps: () => control.writeApps([app], ['other']),
    readApp: async () => Object.keys(await edge.readApp(app.key)),
    vacateTopics: () => control.vacateTopics(),
    tryWrites: () => control.tryWrites(),
    reapEvents: () => control.reapEvents(null),
    refreshEvents: () => control.refreshEvents(),
    renewSearches: () => control.renewSearches([{ id: 'e1', renewedAt: '1' }]),
    endSearches: () => control.endSearches([{ id: 'e1', renewedAt: '1' }]),
    changeOccupancy: () => edge.changeOccupancy('e4', [topic], []),
    checkOccupancy: () => edge.checkOccupancy('e4', [topic]),
    notePast: () =>
      edge.notePast(clientId, { generation: 2, edge: 'e1', connection: '2', to: 5, reason: 'lost', end: null }),
    // Not `oneClock`, which is of a Cluster or not.
    readEvidence: async () => (await control.readEvidence(clientId)).past,
    release: () => edge.release(clientId, 'e1', 0),
    deleteTopic: () => control.deleteTopic(topic),
    unregisterUnused: () => control.unregisterUnused(state),
    markOwnerGone: () => control.markOwnerGone(state),
    unregister: () => control.unregister(clientId),
    dropLease: () => edge.dropLease('e1'),
  };
}

/** Ids, times and random numbers differ from call to call, what else a call gives does not. */
export const withoutTimes = (value: unknown) =>
  JSON.stringify(value, (name, part: unknown) => {
    if (name === 'incarnation' || name === 'digest') return '#';
    return part instanceof Map ? [...part] : part;
  }).replaceAll(/[0-9a-f-]{13,}( \d+)?/g, '#');
