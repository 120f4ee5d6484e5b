import { PRESENCE_COUNT_EVERY_MS, PRESENCE_EVERY_MS } from '@holdfast/protocol/limits';
import type { Commands } from '@holdfast/redis/commands';
import { type Argument, asked, run } from '@holdfast/redis/script';
import type { EventWriter } from '../events/writer.ts';
import type { Keys } from '../keys.ts';
import { UnexpectedAnswer, answerOf } from '../lua/replies.ts';
import { loadScript } from '../lua/scripts.ts';
import type { PresenceChange, PresenceOutcome, PresentMember } from './state.ts';

const changePresenceScript = loadScript('change-presence');

/** Members written by one call: with twenty edges Redis, which does nothing else meanwhile, takes some milliseconds for it. */
const MAX_BATCH = 500;
/** Changes in one version: what every edge with a subscriber gets at once. What is more follows in the next. */
const MAX_PUBLISHED = 1000;
/** Their bytes. An edge sends a change that is much larger as a whole snapshot, to each of its watchers. */
const MAX_PUBLISHED_BYTES = 64 * 1024;

/** What the sequence of the edge must be in Redis: that of a call or one of its earlier attempts; a part of this call; any. */
type Expected = Pick<PresenceChange, 'confirmed' | 'first'> | 'begun' | 'any';

interface Change {
  edge: string;
  sequence: number;
  expected: Expected;
  /** Another call with this sequence follows: until then Redis has it as one of which only a part is written. */
  isPart?: boolean;
  joined: readonly PresentMember[];
  left: readonly string[];
  /** Publishes as often as may be, also where only the number is shown. */
  isUrgent?: boolean;
}

const NO_MEMBERS: Change = { edge: '', sequence: 0, expected: 'any', joined: [], left: [] };

/** The one way in which members are written. */
export type PresenceChanges = ReturnType<typeof presenceChanges>;

export function presenceChanges(redis: Commands, keys: Keys, events: EventWriter) {
  /** All of a change, in as many calls as it takes: after the last the edge has the sequence. */
  async function writeAll(topic: string, change: Change): Promise<PresenceOutcome> {
    const size = change.joined.length + change.left.length;
    let outcome = await write(topic, partOf(change, 0));
    for (let from = MAX_BATCH; from < size && outcome.kind === 'changed'; from += MAX_BATCH) {
      outcome = await write(topic, { ...partOf(change, from), expected: 'begun' });
    }
    return outcome;
  }

  async function flush(
    topic: string,
    isUrgent = false,
  ): Promise<Exclude<PresenceOutcome, { kind: 'out-of-sequence' }>> {
    const outcome = await write(topic, { ...NO_MEMBERS, isUrgent });
    if (outcome.kind === 'out-of-sequence') throw new UnexpectedAnswer('change-presence', outcome);
    return outcome;
  }

  async function write(topic: string, change: Change): Promise<PresenceOutcome> {
    const { edge, sequence, isPart = false, joined, left, isUrgent = false } = change;
    const touched = [keys.topic(topic), keys.topicHere(topic), keys.topicHereNext(topic)];
    if (edge !== '') touched.push(keys.topicHereOf(topic, edge));
    const hasMembers = joined.length + left.length > 0;
    const stream = hasMembers ? events.ofTopic(topic, 'member.joined', 'member.left') : null;
    if (stream !== null) touched.push(stream.stream);
    const args: Argument[] = [
      keys.topicLive(topic),
      keys.topicHereOf(topic, ''),
      edge,
      isPart ? partial(sequence) : sequence,
      ...expectedOf(change),
      PRESENCE_EVERY_MS,
      isUrgent ? PRESENCE_EVERY_MS : PRESENCE_COUNT_EVERY_MS,
      MAX_PUBLISHED,
      MAX_PUBLISHED_BYTES,
      isPart ? 1 : 0,
      joined.length,
      stream?.types ?? '',
    ];
    for (const { id, info } of joined) args.push(id, info ?? '');
    args.push(...left);
    const { kind, rest } = answerOf('change-presence', await run(redis, changePresenceScript, touched, args));
    events.written(stream);
    if (kind === 0) return { kind: 'off' };
    if (kind === 2) return { kind: 'out-of-sequence' };
    const waitMs = Number(rest[0]);
    return { kind: 'changed', waitMs: waitMs < 0 ? null : waitMs };
  }

  /** What Redis has of an edge: ids and infos, '' for none. */
  async function membersOf(topic: string, edge: string): Promise<Map<string, string>> {
    const members = new Map<string, string>();
    let cursor = '0';
    do {
      const [next, flat] = await asked(redis.hscan(keys.topicHereOf(topic, edge), cursor, 'COUNT', MAX_BATCH));
      for (let at = 0; at < flat.length; at += 2) members.set(flat[at] ?? '', flat[at + 1] ?? '');
      cursor = next;
    } while (cursor !== '0');
    return members;
  }

  return { writeAll, flush, membersOf };
}

/** For scripts that remove all of a topic's presence: its hash, and what the names of the others begin with. */
export function presenceOf(keys: Keys, topic: string): [here: string, prefix: string] {
  return [keys.topicHere(topic), keys.topicHereOf(topic, '')];
}

/** Of those that joined and those that left, in this order, a batch. */
function partOf(change: Change, from: number): Change {
  const { joined, left, isPart = false } = change;
  const to = from + MAX_BATCH;
  return {
    ...change,
    isPart: isPart || to < joined.length + left.length,
    joined: joined.slice(from, to),
    left: left.slice(Math.max(from - joined.length, 0), Math.max(to - joined.length, 0)),
  };
}

/** In place of a sequence while only a part of its call is written. */
function partial(sequence: number): number {
  return -Math.abs(sequence);
}

function expectedOf({ sequence, expected }: Change): [expected: Argument, from: number, to: number] {
  if (expected === 'any') return ['any', 0, 0];
  if (expected === 'begun') return [partial(sequence), 0, 0];
  return [expected.confirmed, expected.first, sequence];
}
