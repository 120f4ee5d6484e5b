import { setTimeout as delay } from 'node:timers/promises';
import type { Control } from '../control.ts';
import { unregister } from './changes.ts';
import type { Member } from './member.ts';

/** How long a connection is open, and how long its client is away, at most: short of what is collected, and long past it. */
const OPEN_MS = 1500;
const AWAY_MS = 800;
/** One in so many breaks instead of saying goodbye. */
const BREAKS = 3;
/** What becomes of each in the end, in turn. */
const ENDS = ['stays', 'leaves', 'unregisters'] as const;

export interface CrowdOptions {
  deadline: number;
  control: Control;
  random: () => number;
}

/**
 * Connections of these members come and go until the deadline; in the end a third stays, a third leaves, and a third
 * is unregistered. Gives how many came, and how many broke.
 */
export async function crowd(
  guests: readonly Member[],
  { deadline, control, random }: CrowdOptions,
): Promise<{ came: number; broke: number }> {
  const done = { came: guests.length, broke: 0 };
  await Promise.all(
    guests.map(async (guest, index) => {
      while (performance.now() < deadline) {
        await delay(random() * OPEN_MS);
        if (random() * BREAKS < 1) {
          guest.cut();
          done.broke += 1;
          continue;
        }
        guest.close();
        await delay(random() * AWAY_MS);
        guest.connect();
        done.came += 1;
      }
      const end = ENDS[index % ENDS.length];
      if (end === 'leaves') guest.close();
      else if (end === 'unregisters') await unregister(guest, (ask) => control.retrying(ask));
    }),
  );
  return done;
}
