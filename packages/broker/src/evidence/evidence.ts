import type { Commands } from '@holdfast/redis/commands';
import { asked, run } from '@holdfast/redis/script';
import type { ClientEvidence } from '../broker.ts';
import type { Keys } from '../keys.ts';
import { numberOf } from '../lua/replies.ts';
import { loadScript } from '../lua/scripts.ts';
import { type EndedSubscription, type PastConnection, decodeLeft, decodePast, encodeLeft, encodePast } from './past.ts';

const notePastScript = loadScript('note-past');
const noteLeftScript = loadScript('note-left');

/** Connections, and subscriptions, of a client that are remembered after their end, and for how long. */
export const MAX_NOTES = 16;
export const NOTES_MS = 24 * 3_600_000;

/**
 * What is remembered of a client, so that it can be explained what became of a message. Each note is a call of its own, with
 * one key: a script that names a key which is missing is refused on a Cluster while its slot moves, and no claim, release or
 * subscription may wait for a note.
 */
export function evidenceStore(redis: Commands, keys: Keys) {
  async function notePast(clientId: string, past: PastConnection): Promise<void> {
    const args = [...encodePast(past), MAX_NOTES, NOTES_MS];
    numberOf('note-past', await run(redis, notePastScript, [keys.clientPast(clientId)], args));
  }

  async function noteLeft(clientId: string, ended: readonly EndedSubscription[]): Promise<void> {
    if (ended.length === 0) return;
    const args = [MAX_NOTES, NOTES_MS, ...ended.slice(-MAX_NOTES).map(encodeLeft)];
    numberOf('note-left', await run(redis, noteLeftScript, [keys.clientLeft(clientId)], args));
  }

  /** Newest first. */
  async function readEvidence(clientId: string): Promise<ClientEvidence> {
    const [past, left] = await Promise.all([
      asked(redis.lrange(keys.clientPast(clientId), 0, -1)),
      asked(redis.lrange(keys.clientLeft(clientId), 0, -1)),
    ]);
    return {
      past: past.map(decodePast).filter((note) => note !== null),
      left: left.map(decodeLeft).filter((note) => note !== null),
      pastIsCut: past.length >= MAX_NOTES,
      leftIsCut: left.length >= MAX_NOTES,
      oneClock: !redis.isCluster,
    };
  }

  /** Of a client that is not registered any more. What is not removed now expires. */
  async function forget(clientId: string): Promise<void> {
    const removed = [keys.clientPast(clientId), keys.clientLeft(clientId)].map((key) => asked(redis.del(key)));
    await Promise.allSettled(removed);
  }

  return { notePast, noteLeft, readEvidence, forget };
}
