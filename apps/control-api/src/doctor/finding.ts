import type { doctorCheck, doctorResponse } from '@holdfast/protocol/rest/doctor';
import type { z } from 'zod';

/** What one check says of one place. */
export type Finding = z.output<typeof doctorCheck>;
type Status = Finding['status'];

/** What a check is about, wherever it looks. */
export interface Subject {
  readonly id: string;
  /** Why it matters: a sentence. */
  readonly why: string;
}

export function ok(subject: Subject, where: string | null, seen: string): Finding {
  return { ...subject, status: 'ok', where, seen, do: null };
}

export function warn(subject: Subject, where: string | null, seen: string, advice: string): Finding {
  return { ...subject, status: 'warn', where, seen, do: advice };
}

export function fail(subject: Subject, where: string | null, seen: string, advice: string): Finding {
  return { ...subject, status: 'fail', where, seen, do: advice };
}

/** It could not be seen: never taken for good. */
export function unknown(subject: Subject, where: string | null, reason: string, advice: string): Finding {
  return warn(subject, where, `could not be asked: ${reason}`, advice);
}

/** The shares of a limit from which on a check warns, and fails. */
const FULL = { warn: 0.8, fail: 0.95 } as const;

/** How much of a limit is used. */
export function useOf(subject: Subject, where: string | null, used: number, limit: number, advice: string): Finding {
  const share = limit === 0 ? 1 : used / limit;
  const seen = `${used} of ${limit} (${Math.round(share * 100)} %)`;
  if (share >= FULL.fail) return fail(subject, where, seen, advice);
  return share >= FULL.warn ? warn(subject, where, seen, advice) : ok(subject, where, seen);
}

const SEVERITY: Record<Status, number> = { fail: 0, warn: 1, ok: 2 };

/** The findings, the worst first; the same one of several places is one. */
export function reportOf(findings: readonly Finding[]): z.output<typeof doctorResponse> {
  const same = Map.groupBy(findings, ({ id, status, seen, do: advice }) => JSON.stringify([id, status, seen, advice]));
  const checks = [...same.values()].flatMap((group) => {
    const [first] = group;
    const places = group.flatMap(({ where }) => where ?? []);
    return first ? [{ ...first, where: places.length === 0 ? null : [...new Set(places)].join(', ') }] : [];
  });
  checks.sort((a, b) => SEVERITY[a.status] - SEVERITY[b.status]);
  return { status: checks[0]?.status ?? 'ok', checks };
}
