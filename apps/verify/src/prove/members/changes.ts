import type { Wish } from '../checker/log.ts';
import type { Control } from '../control.ts';
import { monotonicMs } from '@holdfast/harness/clock';
import type { Member } from './member.ts';

/** How a call is made: once, or until there is an answer. */
export type Caller = Control['once'];

/** Has a member want a topic. A wish whose earlier try was not answered is asked for again. Rejects as the call does. */
export async function subscribe(member: Member, topic: string, call: Caller): Promise<void> {
  let wish = standing(member, topic);
  if (wish === undefined) {
    wish = { topic, askedAt: monotonicMs(), since: null, endAskedAt: null, endedAt: null };
    member.wishes.push(wish);
  }
  await call((rest, signal) => rest.subscribe(member.clientId, [topic], { signal }));
  wish.since ??= monotonicMs();
}

/** Has a member leave a topic. Rejects as the call does. */
export async function unsubscribe(member: Member, topic: string, call: Caller): Promise<void> {
  const wish = standing(member, topic) ?? member.wishes.findLast((last) => last.topic === topic);
  if (wish === undefined) return;
  wish.endAskedAt ??= monotonicMs();
  await call((rest, signal) => rest.unsubscribe(member.clientId, [topic], { signal }));
  wish.endedAt ??= monotonicMs();
}

/** Has a member's registration end. Rejects as the call does. */
export async function unregister(member: Member, call: Caller): Promise<void> {
  member.forgetWishes(monotonicMs());
  await call((rest, signal) => rest.unregister(member.clientId, { signal }));
  for (const wish of member.wishes) wish.endedAt ??= monotonicMs();
}

function standing(member: Member, topic: string): Wish | undefined {
  return member.wishes.find((wish) => wish.topic === topic && wish.endAskedAt === null);
}
