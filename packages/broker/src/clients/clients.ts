import { type Keys, CLIENT_BUCKETS, bucketName, bucketOf } from '../keys.ts';
import { MAX_TOPICS } from '@holdfast/protocol/limits';
import type { DisconnectReason } from '@holdfast/protocol/events';
import type { BrokenRecords } from '../broken-records.ts';
import type { Commands } from '@holdfast/redis/commands';
import type { ChangeOutcome, Page, Renewal, TopicChange } from '../broker.ts';
import { evidenceStore } from '../evidence/evidence.ts';
import type { EndedSubscription } from '../evidence/past.ts';
import { identityFields } from './identity.ts';
import { readPage } from './page.ts';
import { type ClientState, connectionName, edgesOf, parseStart } from './state.ts';
import { answerOf, clientOf, numberOf, text } from '../lua/replies.ts';
import { type Argument, run } from '@holdfast/redis/script';
import { loadScript } from '../lua/scripts.ts';
import type { Pending } from '../edges/pending.ts';
import type { EventWriter } from '../events/writer.ts';

const changeTopicsScript = loadScript('change-topics');
const disconnectScript = loadScript('disconnect');
const releaseScript = loadScript('release', 'client-events');
const markOwnerGoneScript = loadScript('mark-owner-gone', 'client-events');
const acknowledgeRangesScript = loadScript('acknowledge-ranges');

/**
 * Buckets read at a time while listing: one at first, as one of a large installation fills a page, then ever more, as
 * those of a small one are mostly empty.
 */
const MAX_BUCKETS = 256;
type Pair = readonly [string, string];

/** The state of clients: their subscriptions and their owners. */
export function clientStore(redis: Commands, keys: Keys, pending: Pending, broken: BrokenRecords, events: EventWriter) {
  const evidence = evidenceStore(redis, keys);

  function changeTopics(clientId: string, change: TopicChange): Promise<ChangeOutcome> {
    const removed = (change.remove ?? []).map((topic) => [topic, change.endsAt?.get(topic) ?? ''] as const);
    return writeTopics(clientId, change.stale, change.add, removed);
  }

  function renew(clientId: string, { identity, topics, endsAt, stale }: Renewal): Promise<ChangeOutcome> {
    return writeTopics(clientId, stale, topics, endsAt, identityFields(identity));
  }

  async function writeTopics(clientId: string, ...lists: (Iterable<Pair> | undefined)[]): Promise<ChangeOutcome> {
    const [stale = [], added = [], removed = [], fields = []] = lists.map((list) => [...(list ?? [])]);
    const pairs = [stale, added, removed, fields].flat(2);
    const args = [MAX_TOPICS, stale.length, added.length, removed.length, ...pairs];
    const answer = answerOf('change-topics', await run(redis, changeTopicsScript, [keys.client(clientId)], args));
    if (answer.kind === 2) return { kind: 'too-many' };
    const client = answer.kind === 1 ? clientOf(clientId, answer.rest[0]) : null;
    if (client === null) return { kind: 'not-found' };
    await Promise.all([
      pending.notify(client.notify, clientId),
      // What cannot be noted is only not remembered.
      evidence.noteLeft(clientId, endedSubscriptions(client, answer.rest[1], answer.rest[2])).catch(() => undefined),
    ]);
    return { kind: 'changed', client };
  }

  async function acknowledgeRanges(
    { clientId, incarnation }: Pick<ClientState, 'clientId' | 'incarnation'>,
    ranges: ReadonlyMap<string, string>,
  ): Promise<void> {
    const args = [incarnation, ...[...ranges].flat()];
    await run(redis, acknowledgeRangesScript, [keys.client(clientId)], args);
  }

  async function disconnect(clientId: string): Promise<{ connected: boolean } | null> {
    const answer = answerOf('disconnect', await run(redis, disconnectScript, [keys.client(clientId)], []));
    if (answer.kind === 0) return null;
    const [owned, ...edges] = answer.rest;
    await pending.notify(edgesOf(...edges.map(text)), clientId);
    return { connected: owned === 1 };
  }

  /** @param generation 0 for whichever the edge has */
  async function release(
    clientId: string,
    edge: string,
    generation: number,
    reason: DisconnectReason = 'lost',
  ): Promise<void> {
    const [touched, args] = [[keys.client(clientId)], [edge, generation, Date.now()] as Argument[]];
    const stream = events.ofClient(clientId, 'client.disconnected');
    if (stream !== null) {
      touched.push(stream.stream);
      args.push(reason);
    }
    await run(redis, releaseScript, touched, args);
    events.written(stream);
  }

  async function markOwnerGone({ clientId, owner }: ClientState): Promise<void> {
    if (owner === null) return;
    const { edge, generation } = owner;
    const now = Date.now();
    const stream = events.ofClient(clientId, 'client.disconnected');
    const touched = [keys.client(clientId), ...(stream === null ? [] : [stream.stream])];
    const marked = await run(redis, markOwnerGoneScript, touched, [generation, now]);
    events.written(stream);
    if (numberOf('mark-owner-gone', marked) !== 1) return;
    const connection = connectionName(generation);
    const past = { generation, edge, connection, to: now, reason: 'edge-died', end: null } as const;
    await evidence.notePast(clientId, past).catch(() => undefined);
  }

  function readClients(clientIds: readonly string[]): Promise<(ClientState | null)[]> {
    return Promise.all(clientIds.map((clientId) => readOne(clientId)));
  }

  async function readOne(clientId: string): Promise<ClientState | null> {
    const found = { kind: 'client', name: bucketOf(clientId) } as const;
    const fields = await broken.skip(redis.hgetall(keys.client(clientId)), found);
    if (fields === null) return null;
    const client = clientOf(clientId, Object.entries(fields).flat());
    if (client === null || (client.key !== '' && Number.isFinite(client.registeredAt))) return client;
    broken.report({ ...found, reason: 'it has no API key or no time of registration' });
    return null;
  }

  async function listClients(cursor: string | null, limit: number): Promise<Page<ClientState>> {
    const found: string[] = [];
    let bucket = cursor === null ? 0 : Number.parseInt(bucketOf(cursor), 16);
    for (let atOnce = 1; bucket < CLIENT_BUCKETS && found.length <= limit; atOnce *= 2) {
      const upTo = Math.min(bucket + Math.min(atOnce, MAX_BUCKETS), CLIENT_BUCKETS);
      const pages: Promise<string[]>[] = [];
      for (; bucket < upTo; bucket += 1) pages.push(listBucket(bucketName(bucket), cursor, limit + 1));
      for (const ids of await Promise.all(pages)) found.push(...ids);
    }
    return readPage(readClients, found, limit);
  }

  async function listBucket(bucket: string, cursor: string | null, limit: number): Promise<string[]> {
    const from = cursor !== null && bucketOf(cursor) === bucket ? `(${cursor}` : '-';
    const ids = redis.zrangebylex(keys.clientBucket(bucket), from, '+', 'LIMIT', 0, limit);
    return (await broken.skip(ids, { kind: 'index of clients', name: bucket })) ?? [];
  }

  return {
    changeTopics,
    renew,
    acknowledgeRanges,
    disconnect,
    release,
    markOwnerGone,
    readClient: async (clientId: string) => (await readClients([clientId]))[0] ?? null,
    readClients,
    listClients,
    notePast: evidence.notePast,
    readEvidence: evidence.readEvidence,
  };
}

/** From `topic, start, end, …`, the last of which was the one that is counted last. */
function endedSubscriptions(
  { ended: { count, lastAt: at } }: ClientState,
  flat: unknown,
  endedBefore: unknown,
): EndedSubscription[] {
  const values = Array.isArray(flat) ? flat.map(text) : [];
  const before = count - Math.floor(values.length / 3);
  const ended: EndedSubscription[] = [];
  for (let index = 0; index + 2 < values.length; index += 3) {
    const [topic = '', start = '', end = ''] = values.slice(index, index + 3);
    const { position: begin, incarnation } = parseStart(start);
    const previousAt = ended.length === 0 ? Number(text(endedBefore)) : at;
    ended.push({ topic, incarnation, begin, end, at, number: before + ended.length + 1, previousAt });
  }
  return ended;
}
