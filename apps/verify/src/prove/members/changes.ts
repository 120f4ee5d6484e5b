import type { DesiredTopic } from '../checker/log.ts';
import type { Control } from '../control.ts';
import { monotonicMs } from '@holdfast/harness/clock';
import type { Member } from './member.ts';

/** How a call is made: once, or until there is an answer. */
export type Caller = Control['once'];

/** Has a member want a topic. a desired topic whose earlier try was not answered is asked for again. Rejects as the call does. */
export async function subscribe(member: Member, topic: string, call: Caller): Promise<void> {
  let desired = standing(member, topic);
  if (desired === undefined) {
    desired = { topic, askedAt: monotonicMs(), since: null, endAskedAt: null, endedAt: null };
    member.desiredTopics.push(desired);
  }
  await call((rest, signal) => rest.subscribe(member.clientId, [topic], { signal }));
  desired.since ??= monotonicMs();
}

/** Has a member leave a topic. Rejects as the call does. */
export async function unsubscribe(member: Member, topic: string, call: Caller): Promise<void> {
  const desired = standing(member, topic) ?? member.desiredTopics.findLast((last) => last.topic === topic);
  if (desired === undefined) return;
  desired.endAskedAt ??= monotonicMs();
  await call((rest, signal) => rest.unsubscribe(member.clientId, [topic], { signal }));
  desired.endedAt ??= monotonicMs();
}

/** Has a member's registration end. Rejects as the call does. */
export async function unregister(member: Member, call: Caller): Promise<void> {
  member.endDesired(monotonicMs());
  await call((rest, signal) => rest.unregister(member.clientId, { signal }));
  for (const desired of member.desiredTopics) desired.endedAt ??= monotonicMs();
}

function standing(member: Member, topic: string): DesiredTopic | undefined {
  return member.desiredTopics.find((desired) => desired.topic === topic && desired.endAskedAt === null);
}
