import type { Commands } from '@holdfast/redis/commands';
import { run } from '@holdfast/redis/script';
import type { Keys } from '../keys.ts';
import { numberOf } from '../lua/replies.ts';
import { loadScript } from '../lua/scripts.ts';
import { eventPartitions } from './partitions.ts';

const createScript = loadScript('create-events');
const removeScript = loadScript('remove-events');

/** Of a Cluster's 16,384: some milliseconds of work, after which other calls come in between. */
const PIECE = 256;

/**
 * The streams of events exist while any are wanted: while a slot of a Cluster is on its way to another node, Redis refuses
 * a script of which one key is there and another is not.
 */
export function eventStreams(redis: Commands, keys: Keys) {
  const partitions = eventPartitions(redis, keys);

  /** Creates the stream of a partition, empty, if it is not there. Rejects with RedisUnavailable. */
  async function createStream(number: number): Promise<void> {
    numberOf('create-events', await run(redis, createScript, [partitions.partition(number).stream], []));
  }

  /**
   * Creates those that are not there. One that cannot be created keeps none of the others from it: whoever looks at every
   * stream by and by creates it then.
   */
  async function createStreams(): Promise<void> {
    for (let from = 0; from < partitions.count; from += PIECE) {
      const size = Math.min(PIECE, partitions.count - from);
      await Promise.allSettled(Array.from({ length: size }, (_, index) => createStream(from + index)));
    }
  }

  /** Removes those that were not written to for so long. Rejects with the first failure when all others were looked at. */
  async function removeStreams(unusedMs: number): Promise<void> {
    const failures: unknown[] = [];
    for (let from = 0; from < partitions.count; from += PIECE) {
      const size = Math.min(PIECE, partitions.count - from);
      const streams = Array.from({ length: size }, (_, index) => partitions.partition(from + index).stream);
      const remove = async (stream: string): Promise<void> => {
        numberOf('remove-events', await run(redis, removeScript, [stream], [unusedMs]));
      };
      for (const result of await Promise.allSettled(streams.map(remove))) {
        if (result.status === 'rejected') failures.push(result.reason);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  return { createStream, createStreams, removeStreams };
}
