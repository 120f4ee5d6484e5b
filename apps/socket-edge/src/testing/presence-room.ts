import { vi } from 'vitest';
import type { ClientIdentity } from '@holdfast/broker/client-state';
import { DEFAULT_PRESENCE } from '@holdfast/protocol/limits';
import type { PresenceSettings } from '@holdfast/protocol/rest/topics';
import { memoryEdge } from './memory-edge.ts';
import { MemoryRedis } from './memory-redis.ts';

export const ROOM = 'room';
/** For connections that are shown who is present. */
export const WATCHES = { presence: true } as const;
/** Longer than changes wait, at the edge and in Redis. */
export const SOON_MS = 600;
export const GRACE_MS = DEFAULT_PRESENCE.graceSeconds * 1000;
/** In so long an edge compares everything. */
const CHECK_MS = 5000;
const STEP_MS = 100;

/** The timers that presence has: what needs time is driven by `later`. */
export const FAKED = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] as const;

/** A topic with presence on two edges over a Redis in memory, with the timers of `FAKED` in hand. */
export function presenceRoom(settings: Partial<PresenceSettings> = {}) {
  const redis = new MemoryRedis();
  redis.topic(ROOM).settings = { expireSeconds: null, presence: { ...DEFAULT_PRESENCE, ...settings } };
  const edge = memoryEdge(redis, 'edge-a');
  const other = memoryEdge(redis, 'edge-b');

  async function later(ms: number = SOON_MS): Promise<void> {
    for (let left = ms; left > 0; left -= STEP_MS) {
      vi.advanceTimersByTime(Math.min(STEP_MS, left));
      await edge.settled();
    }
  }

  return {
    redis,
    edge,
    other,
    later,
    /** Registers a client that may see who is present. */
    register(this: void, clientId: string, user: string | null, identity: Partial<ClientIdentity> = {}): void {
      redis.register(clientId, [ROOM], { user, seesPresence: [['**']], ...identity });
    },
    /** What edges do each second, for as long as it takes to compare everything. */
    async check(this: void): Promise<void> {
      vi.advanceTimersByTime(CHECK_MS);
      for (const one of [edge, other]) await one.presence.tend();
      await edge.settled();
    },
  };
}
