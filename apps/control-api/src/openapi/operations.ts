/** What the document has of a call besides its schemas. */
export interface OperationNotes {
  /** What the key, or the token, must be able to do. */
  readonly needs?: string;
  /** Values of parameters, by name, with which the call works as it stands. */
  readonly parameters?: Readonly<Record<string, string | number | boolean>>;
  /** Bodies with which it does, by what each shows. */
  readonly bodies?: Readonly<Record<string, unknown>>;
}

const topic = 'news.sport';
const user = 'ann';
/** A UUID of version 4, like those that Register makes. */
const clientId = '3f8a1c52-7b0e-4d6a-9c41-52d0e8b7a6f3';
const edge = 'An edge that is alive: `id` in GET /v1/edges.';
const app = 'a signature by the app, which server libraries make';
const webhook = 'An endpoint of WEBHOOKS_FILE: `id` in GET /v1/webhooks.';

/**
 * By `operationId`, in an order in which each example works on an installation that is empty: what is used was made by one
 * before. Calls about what is different on each installation (an edge, a webhook, a message) have none.
 */
export const OPERATIONS: Readonly<Record<string, OperationNotes>> = {
  putTopic: {
    needs: '`manage` on the topic',
    parameters: { topic },
    bodies: {
      'A topic with presence': { history: { size: 1000, seconds: 3600 }, presence: { by: 'user' } },
    },
  },
  register: {
    needs: '`register`; `subscribe` on the topics',
    bodies: {
      'With an id of your own': { clientId, user, topics: [topic] },
      'With an id that is made': { user: 'bob', topics: [topic] },
    },
  },
  readClient: { needs: '`manage`, for a `ref`', parameters: { clientId } },
  listClients: { needs: '`manage`', parameters: { user } },
  listPastConnections: { needs: '`manage`', parameters: { clientId } },
  subscribeTopic: {
    needs: '`subscribe` on the topics, by the key of the client and by its `may`',
    parameters: { clientId },
    bodies: { 'A list': { topics: [topic] }, 'Text with commas': { topics: topic } },
  },
  publish: {
    needs: '`publish` on the topic',
    parameters: { topic },
    bodies: { 'Any JSON': { home: 2, away: 1 } },
  },
  publishBatch: {
    needs: '`publish` on each topic; one that lacks it fails alone',
    bodies: { 'One message': { messages: [{ topics: [topic], data: { home: 3, away: 1 } }] } },
  },
  publishToClient: {
    needs: '`publish` on `@clients`, or `**`',
    parameters: { clientId },
    bodies: { 'Any JSON': { text: 'Your order has been shipped' } },
  },
  publishToUser: {
    needs: '`publish` on `@users`, or `**`',
    parameters: { user },
    bodies: { 'Any JSON': { text: 'Your table is ready' } },
  },
  readLog: { needs: '`subscribe` or `publish` on the topic', parameters: { topic, limit: 10 } },
  listTopics: { needs: 'any key', parameters: { prefix: 'news.' } },
  readTopic: { needs: 'any key; a token may where it may read', parameters: { topic } },
  readPresence: { needs: '`presence` on the topic', parameters: { topic } },
  countPresent: { needs: '`presence` on each topic', bodies: { 'One topic': { topics: [topic] } } },
  readUser: { needs: '`manage`, or `presence` on `@users`', parameters: { user } },
  readUsers: { needs: '`manage`, or `presence` on `@users`', bodies: { 'Two users': { users: [user, 'bob'] } } },
  unsubscribeTopic: {
    needs: 'what the key of the client may',
    parameters: { clientId },
    bodies: { 'A list': { topics: [topic] } },
  },
  disconnectClient: { needs: '`manage`', parameters: { clientId } },
  disconnectUser: { needs: '`manage`', parameters: { user } },
  revokeUser: {
    needs: '`manage`',
    parameters: { user },
    bodies: { 'Tokens of before that time': { issuedBefore: '2026-01-01T00:00:00Z' } },
  },
  listEdges: { needs: '`manage`' },
  readCapacity: { needs: '`manage`' },
  readOwnKey: { needs: 'any key' },
  createKey: {
    needs: '`manage` on `**`',
    bodies: {
      'A key of an app': { id: 'mobile', can: { register: true, subscribe: ['news.*'] }, maxClients: 1000 },
    },
  },
  listKeys: { needs: '`manage` on `**`' },
  deleteKey: { needs: '`manage` on `**`', parameters: { id: 'mobile' } },
  listWebhooks: { needs: '`manage`' },
  examine: { needs: '`manage`' },
  explain: { needs: '`manage`' },
  drainEdge: { needs: `\`manage\`. ${edge}` },
  undrainEdge: { needs: `\`manage\`. ${edge}` },
  testWebhook: { needs: `\`manage\`. ${webhook}` },
  replayWebhook: { needs: `\`manage\`. ${webhook}` },
  enableWebhook: { needs: `\`manage\`. ${webhook}` },
  triggerEvent: { needs: app },
  triggerEvents: { needs: app },
  listChannels: { needs: app },
  readChannel: { needs: app },
  listChannelUsers: { needs: app },
  countConnections: { needs: app },
  terminateUserConnections: { needs: app },
  unregister: { needs: '`manage`, for a `ref`', parameters: { clientId } },
  deleteTopic: { needs: '`manage` on the topic', parameters: { topic } },
  isAlive: {},
  isReady: {},
  readMetrics: {},
  isUp: {},
};
