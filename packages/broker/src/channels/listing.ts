import { channelTopic, onlineChannel } from '@holdfast/protocol/pusher-channels';
import type { Commands } from '@holdfast/redis/commands';
import { asked } from '@holdfast/redis/script';
import type { ControlChannels, Presence } from '../broker.ts';
import type { EdgeNotes } from '../edges/notes.ts';
import type { Keys } from '../keys.ts';
import { TERMINATE } from '../live/payload.ts';
import { numberOf } from '../lua/replies.ts';
import { isChannelOfUser, kindOf } from './names.ts';
import { cachedEvent } from './opening.ts';

const MAX_SCAN = 1000;
/** Channels looked at at a time. */
const MAX_BATCH = 500;

export interface ListingDeps {
  readonly notes: EdgeNotes;
  readonly alive: (edges: readonly string[]) => Promise<Set<string>>;
  readonly countPresent: Presence['countPresent'];
}

/** What control-api reads of channels, and the one thing that it has edges do. */
export function channelListing(
  redis: Commands,
  keys: Keys,
  { notes, alive, countPresent }: ListingDeps,
): Pick<ControlChannels, 'readChannels' | 'listChannels' | 'terminateConnections'> {
  async function readChannels(topics: readonly string[]) {
    const [edges, users, cached] = await Promise.all([
      Promise.all(topics.map((topic) => edgesOf(topic))),
      usersOf(topics),
      Promise.all(topics.map((topic) => readCached(topic))),
    ]);
    const living = await alive(edges.flat());
    return topics.map((topic, index) => ({
      occupied: edges[index]?.some((edge) => living.has(edge)) ?? false,
      users: users.get(topic) ?? 0,
      cached: cached[index] ?? null,
    }));
  }

  async function listChannels(appId: string, prefix: string, most: number): Promise<string[] | null> {
    const listed = await notes.edges();
    const living = await alive(listed);
    const found = new Set<string>();
    for (const edge of living) {
      await collect(edge, appId, prefix, found, most);
      if (found.size > most) return null;
    }
    const names = [...found].toSorted();
    const occupied: string[] = [];
    for (let from = 0; from < names.length; from += MAX_BATCH) {
      const some = names.slice(from, from + MAX_BATCH);
      const edges = await Promise.all(some.map((name) => edgesOf(channelTopic(appId, name))));
      occupied.push(...some.filter((_, index) => edges[index]?.some((edge) => living.has(edge))));
    }
    return occupied;
  }

  /** Adds the channels that are noted for an edge, until there are more than `most`. */
  async function collect(edge: string, appId: string, prefix: string, into: Set<string>, most: number): Promise<void> {
    const start = channelTopic(appId, '');
    let cursor = '0';
    do {
      // An app id has nothing that the pattern would take for more than itself; a prefix may.
      const found = await asked(redis.sscan(keys.edgeTopics(edge), cursor, 'MATCH', `${start}*`, 'COUNT', MAX_SCAN));
      cursor = found[0];
      for (const topic of found[1]) {
        const channel = topic.slice(start.length);
        if (channel.startsWith(prefix) && !isChannelOfUser(channel)) into.add(channel);
      }
    } while (cursor !== '0' && into.size <= most);
  }

  /** The edges that have subscribers on a channel, dead ones with them. */
  async function edgesOf(topic: string): Promise<string[]> {
    const fields = await asked(redis.hgetall(keys.topicEdges(topic)));
    return Object.entries(fields).flatMap(([field, count]) =>
      field.startsWith('e') && count !== '0' ? [field.slice(1)] : [],
    );
  }

  /** Members of those that are presence channels. */
  async function usersOf(topics: readonly string[]): Promise<Map<string, number>> {
    const rooms = topics.filter((topic) => kindOf(topic).access === 'presence');
    const counts = rooms.length === 0 ? [] : await countPresent(rooms);
    return new Map(rooms.map((topic, index) => [topic, counts[index] ?? 0]));
  }

  async function readCached(topic: string) {
    if (!kindOf(topic).cache) return null;
    const key = keys.topicCached(topic);
    const [stored, ttlMs] = await Promise.all([asked(redis.get(key)), asked(redis.pttl(key))]);
    return stored === null ? null : cachedEvent(Buffer.from(stored), ttlMs);
  }

  async function terminateConnections(appId: string, user: string): Promise<{ missed: number }> {
    const topic = channelTopic(appId, onlineChannel(user));
    // First: those that are notified are soon without the channel, and would hide the others.
    const living = await alive(await edgesOf(topic));
    const notified = numberOf('spublish', await asked(redis.spublish(keys.topicLive(topic), TERMINATE)));
    return { missed: Math.max(0, living.size - notified) };
  }

  return { readChannels, listChannels, terminateConnections };
}
