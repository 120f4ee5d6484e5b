import { randomUUID } from 'node:crypto';
import type { Commands } from '@holdfast/redis/commands';
import { asked, run } from '@holdfast/redis/script';
import type { EventType } from '@holdfast/protocol/events';
import { matchesAny } from '@holdfast/protocol/topic-name';
import type { Keys } from '../keys.ts';
import { answerOf } from '../lua/replies.ts';
import { loadScript } from '../lua/scripts.ts';

const wantScript = loadScript('want-events');

/** For each type that is wanted the patterns of its topics; null: all of them, also for types that tell of no topic. */
export type WantedEvents = Partial<Record<EventType, readonly string[] | null>>;

/** An endpoint of webhooks, and what it wants, as a control-api has it in its file. */
export interface WantingEndpoint {
  readonly id: string;
  readonly types: string[];
  readonly topics?: string[] | undefined;
}

/** What one control-api wants. */
interface Wanting {
  readonly wanted: WantedEvents;
  readonly endpoints: readonly WantingEndpoint[];
}

/**
 * Which events are wanted, as it was read last: writers look here whether to write one. Each control-api notes what it
 * wants for itself, and wanted is what any of them does: while some have another file than others, no event is missing.
 * What is noted has no end of its own: while no control-api runs, events are written all the same.
 */
export function eventsWanted(redis: Commands, keys: Keys) {
  const own = randomUUID();
  let known: WantedEvents = {};
  let text = '{}';

  /** Gives whether something else is wanted than before. Rejects with RedisUnavailable; then what was known stays. */
  async function refresh(): Promise<boolean> {
    const found = unionOf([...(await readWanting()).values()].map(({ wanted }) => wanted));
    const foundText = JSON.stringify(found);
    if (foundText === text) return false;
    known = found;
    text = foundText;
    return true;
  }

  /** By control-api. */
  async function readWanting(): Promise<Map<string, Wanting>> {
    const fields = await asked(redis.hgetall(keys.eventsWanted()));
    const found = new Map<string, Wanting>();
    for (const [name, value] of Object.entries(fields)) {
      const start = value.indexOf(' ');
      // Another has a time alone: since when nothing is wanted.
      if (start !== -1) found.set(name, JSON.parse(value.slice(start)) as Wanting);
    }
    return found;
  }

  /** @param topic undefined for what tells of no topic */
  function isWanted(type: EventType, topic?: string): boolean {
    const patterns = known[type];
    if (patterns === undefined) return false;
    return patterns === null || topic === undefined || matchesAny(patterns, topic);
  }

  /** Makes known what this process wants; to be called again well within an hour. Nothing: it wants none any more. */
  async function keep(wanted: WantedEvents, endpoints: readonly WantingEndpoint[] = []): Promise<void> {
    const wanting: Wanting = { wanted, endpoints };
    await want(Object.keys(wanted).length === 0 ? '' : JSON.stringify(wanting));
    await refresh();
  }

  /**
   * Takes out what other processes want that have not said so for long.
   * @param silentMs null: none
   * @param offMs how long it stays known since when nothing is wanted; null: for ever
   * @returns for how long nothing is wanted; null while something is, and where nothing ever was
   */
  function forgetSilent(silentMs: number | null, offMs: number | null): Promise<number | null> {
    return want('', silentMs, offMs);
  }

  async function want(wanting: string, silentMs: number | null = null, offMs: number | null = null) {
    const answer = await run(redis, wantScript, [keys.eventsWanted()], [own, wanting, silentMs ?? '', offMs ?? '']);
    const { kind, rest } = answerOf('want-events', answer);
    return kind === 0 ? null : Number(rest[0]);
  }

  return { own, refresh, readWanting, isWanted, keep, forgetSilent, isEmpty: () => text === '{}' };
}

/** What any of them wants, in an order that depends on nothing else. */
export function unionOf(all: readonly WantedEvents[]): WantedEvents {
  const union = new Map<EventType, readonly string[] | null>();
  for (const [type, patterns] of all.flatMap((wanted) => Object.entries(wanted))) {
    const before = union.get(type as EventType) ?? [];
    const isAll = patterns === null || union.get(type as EventType) === null;
    union.set(type as EventType, isAll ? null : [...new Set([...before, ...patterns])].toSorted());
  }
  return Object.fromEntries([...union].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
