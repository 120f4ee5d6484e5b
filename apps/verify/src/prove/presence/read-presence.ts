import { HoldfastError } from '@holdfast/client/holdfast-error';
import { setTimeout as delay } from 'node:timers/promises';
import type { Control } from '../control.ts';
import type { Injection } from '../fault.ts';
import { monotonicMs } from '@holdfast/harness/clock';
import { type PresenceFindings, addPresence, isPresent, noPresenceFindings } from './findings.ts';
import { type PresenceRun, RIGHT_WITHIN_MS, indexSpans, resumesIn } from './judge.ts';
import { type MemberSpans, type Shown, PRESENCE_TOPIC, memberIn, memberOf } from './log.ts';

const LOOK_MS = 100;
/** What looking itself takes, on a busy machine. */
const LOOKING_MS = 1000;
const PAGE = 1000;
const NOT_FOUND = 404;

/** What a run says of presence. */
export interface PresenceFacts extends PresenceFindings {
  /** Members in the end. */
  present: number;
  /** How often one was back within the grace time. */
  resumed: number;
  /** Until everything shown was right after the fault, in milliseconds. */
  rightAfterMs: number;
  /** What was not right in the end, each as a sentence. */
  wrong: string[];
}

/** The watchers of a run, and the API that is asked beside them. */
export interface Watchers {
  truth: () => Promise<MemberSpans[]>;
  /** What is shown that is not so now, each as a sentence. */
  wrong: (truth: readonly MemberSpans[]) => Promise<string[]>;
  judge: (truth: readonly MemberSpans[], run: PresenceRun) => Promise<PresenceFindings[]>;
}

/** Waits until all that is shown is what is there, for as long as that may take, and judges what was shown before. */
export async function readPresence(
  watchers: Watchers,
  { brokenAt, healedAt }: Pick<Injection, 'brokenAt' | 'healedAt'>,
  stays: boolean,
): Promise<PresenceFacts> {
  for (;;) {
    const endAt = monotonicMs();
    const truth = await watchers.truth();
    const wrong = await watchers.wrong(truth);
    const changedAt = truth.flatMap(({ spans }) => spans.flatMap(({ from, to }) => [from, to ?? from]));
    const deadline = Math.max(healedAt, ...changedAt) + RIGHT_WITHIN_MS + LOOKING_MS;
    if (wrong.length > 0 && endAt < deadline) {
      await delay(LOOK_MS);
      continue;
    }
    const run = { brokenAt, healedAt, endAt, stays };
    const findings = noPresenceFindings();
    for (const part of await watchers.judge(truth, run)) addPresence(findings, part);
    return {
      ...findings,
      present: truth.filter(isPresent).length,
      resumed: resumesIn(indexSpans(truth), run),
      rightAfterMs: Math.round(Math.max(0, endAt - healedAt)),
      wrong,
    };
  }
}

/** What the control API answers that is not so, each as a sentence. */
export async function wrongInRest(control: Control, truth: readonly MemberSpans[]): Promise<string[]> {
  if (truth.length === 0) return [];
  const { count, members } = await listPresence(control);
  const listed = new Set(members.map(({ member }) => member));
  const { counts } = await control.retrying((rest, signal) => rest.presenceCounts([PRESENCE_TOPIC], { signal }));
  const known = indexSpans(truth);
  const stale = [...listed].filter((member) => {
    const one = known.get(member);
    return one === undefined || (!isPresent(one) && !one.isUncertain);
  });
  const missing = truth.filter((one) => isPresent(one) && !one.isUncertain && !listed.has(one.member));
  const wrong: string[] = [];
  if (stale.length > 0) wrong.push(`the API lists ${stale.length} that are not there`);
  if (missing.length > 0) wrong.push(`the API does not list ${missing.length} that are there`);
  for (const reported of [count, counts[PRESENCE_TOPIC]]) {
    if (reported !== listed.size) wrong.push(`the API lists ${listed.size} members and counts ${reported ?? 'none'}`);
  }
  return wrong;
}

/** Which of these clients are members under another name than their ref, each as a sentence. */
export async function wrongNames(control: Control, clientIds: readonly string[]): Promise<string[]> {
  const { members } = await listPresence(control);
  const wrong: string[] = [];
  for (const clientId of clientIds) {
    const ids = members.filter(({ member }) => member === memberOf(clientId)).map(({ id }) => id);
    if (ids.length === 0) continue;
    const ref = await refOf(control, clientId);
    if (ref !== null && ids.some((id) => id !== `~${ref}`))
      wrong.push(`the API lists ${ids.join(' and ')}, and its ref is ${ref}`);
  }
  return wrong;
}

/** Null for one that is not registered. */
async function refOf(control: Control, clientId: string): Promise<string | null> {
  try {
    return (await control.retrying((rest, signal) => rest.getClient(clientId, { signal }))).ref;
  } catch (error) {
    if (error instanceof HoldfastError && error.status === NOT_FOUND) return null;
    throw error;
  }
}

async function listPresence(control: Control): Promise<{ count: number; members: Shown[] }> {
  const members: Shown[] = [];
  let count = 0;
  for (let cursor: string | null | undefined; cursor !== null;) {
    const from = cursor;
    const page = await control.retrying((rest, signal) =>
      rest.presence(PRESENCE_TOPIC, { cursor: from, limit: PAGE, signal }),
    );
    for (const { id, info } of page.members ?? []) members.push({ id, member: memberIn(id, info) });
    ({ count, cursor } = page);
  }
  return { count, members };
}
