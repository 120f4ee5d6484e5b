import { monotonicMs } from '@holdfast/harness/clock';
import { setTimeout as delay } from 'node:timers/promises';
import type { DesiredTopic } from '../checker/log.ts';
import type { Control } from '../control.ts';
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
    await delay(pauseMs(random));
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
    await delay(pauseMs(random));
    await unregister(member, (ask) => control.retrying(ask));
    registered += 1;
  }
  return registered;
}

function pauseMs(random: () => number): number {
  return random() * (random() < LONG_SHARE ? LONG_MS : SHORT_MS);
}

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
