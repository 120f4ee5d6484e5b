import type { Commands } from '@holdfast/redis/commands';
import { asked } from '@holdfast/redis/script';
import type { PresencePage } from '../broker.ts';
import type { Keys } from '../keys.ts';
import type { TopicState } from '../topics/state.ts';
import { type PresenceCursor, decodeCursor, encodeCursor } from './cursor.ts';
import { membersOfList } from './edge-presence.ts';
import type { PresentMember } from './state.ts';
import type { PresenceVersions } from './versions.ts';

/** A page is not filled at any price: of members that other edges have too, or when HSCAN gives few, it stays short. */
const MAX_SCANS = 10;
/** Of a hash table that grows, HSCAN gives so many more at most, with near certainty. */
const SCAN_EXCESS = 16;
const BEGINNING: PresenceCursor = { edge: '', scan: '0', count: 0, after: '' };

/** Who is present, page by page, as it is while they are read. */
export function presencePages(redis: Commands, keys: Keys, versions: PresenceVersions) {
  async function readPresence(topic: string, cursor: string | null, limit: number): Promise<PresencePage | null> {
    const [found] = await versions.readVersions([topic], '');
    if (!found || found.isExpired) return null;
    const { count, version } = found;
    const start = cursor === null ? BEGINNING : (decodeCursor(cursor) ?? BEGINNING);
    const { members, next } = (await showsMembers(topic)) ? await readPage(topic, start, limit) : NOTHING;
    return { count, version, members, cursor: next && encodeCursor(next) };
  }

  async function countPresent(topics: readonly string[]): Promise<(number | null)[]> {
    const found = await versions.readVersions(topics, '');
    return found.map((version) => (version === null || version.isExpired ? null : version.count));
  }

  async function showsMembers(topic: string): Promise<boolean> {
    const settings = await asked(redis.hget(keys.topic(topic), 'presence'));
    return settings !== null && (JSON.parse(settings) as TopicState['presence'])?.show === 'members';
  }

  async function readPage(topic: string, start: PresenceCursor, limit: number): Promise<Page> {
    const edges = await edgesOf(topic);
    const members = new Map<string, PresentMember>();
    let next: PresenceCursor | null = start;
    for (let scans = 0; next !== null && members.size < limit && scans < MAX_SCANS; scans += 1) {
      const at: PresenceCursor = next;
      const index = edges.findIndex((edge) => edge >= at.edge);
      const edge = edges[index];
      if (edge === undefined) return { members: [...members.values()], next: null };
      const place = edge === at.edge ? at : { ...BEGINNING, edge };
      const found = await scan(topic, place, limit - members.size);
      for (const member of await onlyFrom(topic, edges.slice(0, index), found.members)) members.set(member.id, member);
      next = found.next ?? placeOf(edges[index + 1]);
    }
    return { members: [...members.values()], next };
  }

  /** At most `limit` members of one edge; `next` is null at its end. */
  async function scan(topic: string, place: PresenceCursor, limit: number): Promise<Page> {
    const { edge, scan: cursor, after } = place;
    const count = place.count || scanCount(limit);
    const [nextScan, flat] = await asked(redis.hscan(keys.topicHereOf(topic, edge), cursor, 'COUNT', count));
    const batch = membersOfList(flat)
      .filter(({ id }) => id > after)
      .toSorted((one, other) => (one.id < other.id ? -1 : 1));
    const members = batch.slice(0, limit);
    const last = members.at(-1);
    // The same scan gives the rest of them.
    if (last !== undefined && batch.length > limit) return { members, next: { ...place, count, after: last.id } };
    return { members, next: nextScan === '0' ? null : { ...BEGINNING, edge, scan: nextScan } };
  }

  /** Those that none of these other edges has. */
  async function onlyFrom(
    topic: string,
    others: readonly string[],
    members: PresentMember[],
  ): Promise<PresentMember[]> {
    if (members.length === 0) return members;
    const ids = members.map(({ id }) => id);
    const infos = await Promise.all(others.map((edge) => asked(redis.hmget(keys.topicHereOf(topic, edge), ...ids))));
    return members.filter((_, index) => infos.every((ofEdge) => ofEdge[index] === null));
  }

  /** By name. */
  async function edgesOf(topic: string): Promise<string[]> {
    const here = await asked(redis.hgetall(keys.topicHere(topic)));
    const names = Object.keys(here).filter((field) => field.startsWith('e'));
    return names.map((field) => field.slice(1)).toSorted();
  }

  return { readPresence, countPresent };
}

interface Page {
  members: PresentMember[];
  next: PresenceCursor | null;
}

const NOTHING: Page = { members: [], next: null };

/** HSCAN gives some more than it is asked for, and of a small hash all. */
function scanCount(limit: number): number {
  return Math.ceil(limit > 2 * SCAN_EXCESS ? limit - SCAN_EXCESS : limit / 4);
}

function placeOf(edge: string | undefined): PresenceCursor | null {
  return edge === undefined ? null : { ...BEGINNING, edge };
}
