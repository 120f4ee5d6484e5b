import type { Commands } from '@holdfast/redis/commands';
import { run } from '@holdfast/redis/script';
import type { Keys } from '../keys.ts';
import { answerOf, text } from '../lua/replies.ts';
import { loadScript } from '../lua/scripts.ts';
import type { PresenceChanges } from './changes.ts';
import type { PresenceNotes } from './notes.ts';
import type {
  PresenceChange,
  PresenceCheck,
  PresenceOfEdge,
  PresenceOutcome,
  PresenceSnapshot,
  PresenceVersion,
  PresentMember,
} from './state.ts';
import type { PresenceVersions } from './versions.ts';

const readPresenceScript = loadScript('read-presence');

/** What edges write and read of presence. */
export function edgePresence(
  redis: Commands,
  keys: Keys,
  changes: PresenceChanges,
  notes: PresenceNotes,
  versions: PresenceVersions,
) {
  function changePresence(topic: string, edge: string, change: PresenceChange): Promise<PresenceOutcome> {
    const { sequence, joined, left } = change;
    return changes.writeAll(topic, { edge, sequence, expected: change, joined, left });
  }

  /**
   * Compares with what Redis has, and writes what differs: a member that is there does not leave and join again. Only the edge itself
   * writes its members; who takes them out meanwhile changes the sequence.
   */
  async function setPresence(
    topic: string,
    edge: string,
    { sequence, members }: PresenceOfEdge,
  ): Promise<PresenceOutcome> {
    await notes.notePresence(edge, [topic]);
    const begun = await changes.writeAll(topic, {
      edge,
      sequence,
      expected: 'any',
      isPart: true,
      joined: [],
      left: [],
    });
    if (begun.kind !== 'changed') return begun;
    const stored = await changes.membersOf(topic, edge);
    const ids = new Set(members.map(({ id }) => id));
    const joined = members.filter(({ id, info }) => stored.get(id) !== (info ?? ''));
    const left = [...stored.keys()].filter((id) => !ids.has(id));
    return changes.writeAll(topic, { edge, sequence, expected: 'begun', joined, left });
  }

  async function checkPresence(edge: string, checks: readonly PresenceCheck[]): Promise<(PresenceVersion | null)[]> {
    const occupied = checks.filter(({ sequence }) => sequence > 0);
    const renoting = notes.notePresence(
      edge,
      occupied.map(({ topic }) => topic),
    );
    const names = checks.map(({ topic }) => topic);
    const [found] = await Promise.all([versions.readVersions(names, edge), renoting]);
    return found.map((version) => version && versionOf(version));
  }

  async function snapshotPresence(topic: string): Promise<PresenceSnapshot | null> {
    const touched = [keys.topic(topic), keys.topicHere(topic), keys.topicHereNext(topic)];
    const answer = await run(redis, readPresenceScript, touched, [keys.topicHereOf(topic, '')]);
    const { kind, rest } = answerOf('read-presence', answer);
    if (kind === 0) return null;
    const [version, count, list] = rest;
    return {
      version: Number(version),
      count: Number(count),
      members: list === undefined ? null : membersOfList(JSON.parse(text(list)) as string[]),
    };
  }

  return {
    notePresence: notes.notePresence,
    forgetPresence: notes.forgetPresence,
    leavePresence: notes.leavePresence,
    changePresence,
    setPresence,
    flushPresence: (topic: string) => changes.flush(topic),
    checkPresence,
    snapshotPresence,
  };
}

function versionOf({ version, sequence, count, pending }: PresenceVersion): PresenceVersion {
  return { version, sequence, count, pending };
}

/** From `id, info, id, …`. */
export function membersOfList(flat: readonly string[]): PresentMember[] {
  const members: PresentMember[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) members.push({ id: flat[at] ?? '', info: flat[at + 1] || null });
  return members;
}
