import { setTimeout as delay } from 'node:timers/promises';
import type { Member } from './member.ts';

/** How long the replaced one waits before it replaces the other. */
const BACK_AFTER_MS = { least: 30, most: 400 };

/**
 * Two connections of one client replace each other for so long; in the end the member has it. Gives how often one was
 * replaced.
 */
export async function fight(member: Member, twin: Member, ms: number, random: () => number): Promise<number> {
  const deadline = performance.now() + ms;
  let replaced = 0;
  const waits = new Set<Promise<void>>();
  const comeBack = (one: Member) => (reason: string) => {
    if (reason !== 'replaced') return;
    replaced += 1;
    if (performance.now() > deadline) return;
    const pause = BACK_AFTER_MS.least + random() * (BACK_AFTER_MS.most - BACK_AFTER_MS.least);
    const wait = delay(pause).then(() => one.connect(comeBack(one)));
    waits.add(wait);
    void wait.finally(() => waits.delete(wait));
  };
  member.whenClosed(comeBack(member));
  twin.connect(comeBack(twin));
  await delay(ms);
  while (waits.size > 0) await Promise.all(waits);
  // The twin's last handshake may be under way still, and win once more.
  member.whenClosed((reason) => {
    if (reason === 'replaced') member.connect();
  });
  twin.whenClosed(() => undefined);
  twin.close();
  member.close();
  member.connect();
  return replaced;
}
