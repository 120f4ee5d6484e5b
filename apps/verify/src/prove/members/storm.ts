import { setTimeout as delay } from 'node:timers/promises';
import type { Control } from '../control.ts';
import { subscribe, unregister, unsubscribe } from './changes.ts';
import type { Member } from './member.ts';

/** Mostly at once, now and then long enough that something must arrive. */
const SHORT_MS = 150;
const LONG_MS = 2500;
const LONG_SHARE = 0.2;
const OPEN_WITHIN_MS = 30_000;
const LOOK_MS = 20;

/** A member takes topics up and leaves them. Gives how often. */
export async function changeItsMind(
  member: Member,
  topics: readonly string[],
  deadline: number,
  control: Control,
  random: () => number,
): Promise<{ subscribed: number; unsubscribed: number }> {
  const done = { subscribed: 0, unsubscribed: 0 };
  const call: Control['retrying'] = (ask) => control.retrying(ask);
  while (performance.now() < deadline) {
    const topic = topics[Math.floor(random() * topics.length)] ?? '';
    if (member.topics.includes(topic)) {
      await unsubscribe(member, topic, call);
      done.unsubscribed += 1;
    } else {
      await subscribe(member, topic, call);
      done.subscribed += 1;
    }
    await delay(pause(random));
  }
  return done;
}

/** Others come, and go again. Gives how many. */
export async function comeAndGo(
  enlist: () => Promise<Member>,
  deadline: number,
  control: Control,
  random: () => number,
): Promise<number> {
  let registered = 0;
  while (performance.now() < deadline) {
    const member = await enlist();
    const openBy = performance.now() + OPEN_WITHIN_MS;
    while (!member.isOpen && performance.now() < openBy) await delay(LOOK_MS);
    await delay(pause(random));
    await unregister(member, (ask) => control.retrying(ask));
    registered += 1;
  }
  return registered;
}

function pause(random: () => number): number {
  return random() * (random() < LONG_SHARE ? LONG_MS : SHORT_MS);
}
