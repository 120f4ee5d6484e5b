import type { Span } from './log.ts';

/** A span that has an end. */
export interface Interval {
  from: number;
  to: number;
}

/** Those that still hold do so until `end`. */
export function closed(spans: readonly Span[], end: number): Interval[] {
  return spans.map(({ from, to }) => ({ from, to: to ?? end })).filter(({ from, to }) => to > from);
}

/** In order, and one where they overlap or are at most `gap` apart. */
export function merged(intervals: readonly Interval[], gap = 0): Interval[] {
  const result: Interval[] = [];
  for (const { from, to } of intervals.toSorted((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last !== undefined && from - last.to <= gap) last.to = Math.max(last.to, to);
    else result.push({ from, to });
  }
  return result;
}

/** Where an interval begins before an earlier one has ended. */
export function overlaps(intervals: readonly Interval[]): Interval[] {
  let until = Number.NEGATIVE_INFINITY;
  const result: Interval[] = [];
  for (const { from, to } of intervals.toSorted((a, b) => a.from - b.from)) {
    if (from < until) result.push({ from, to: Math.min(to, until) });
    until = Math.max(until, to);
  }
  return result;
}

/** What is in both. */
export function common(some: readonly Interval[], others: readonly Interval[]): Interval[] {
  return some.flatMap((one) =>
    others
      .map((other) => ({ from: Math.max(one.from, other.from), to: Math.min(one.to, other.to) }))
      .filter(({ from, to }) => to > from),
  );
}

/** What is in the first and not in the others. */
export function without(some: readonly Interval[], others: readonly Interval[]): Interval[] {
  let rest = [...some];
  for (const { from, to } of others) {
    rest = rest
      .flatMap((one) => [
        { from: one.from, to: Math.min(one.to, from) },
        { from: Math.max(one.from, to), to: one.to },
      ])
      .filter((part) => part.to > part.from);
  }
  return rest;
}
