import { median } from '@holdfast/harness/statistics';
import type { Amounts } from './amounts.ts';
import type { Machine } from './machine.ts';
import type { Metric } from './measures/measure.ts';
import type { Published } from './measures/published.ts';

/** What came out, for the table, the picture and the JSON. */
export interface Result {
  at: string;
  machine: Machine;
  amounts: Amounts;
  peers: PeerNote[];
  measures: MeasureResult[];
}

export interface PeerNote {
  name: string;
  description: string;
  version: string | null;
  /** Why it is not measured here; null when it is. */
  missing: string | null;
}

export interface MeasureResult {
  name: string;
  title: string;
  about: string;
  metrics: readonly Metric[];
  rows: Row[];
  /** Of a measure with peers of its own. */
  peers?: PeerNote[];
  /** Of others, not measured here. */
  published?: readonly Published[];
}

export interface Row {
  peer: string;
  /** By the metric's id; null where this peer has no such figure. */
  figures: Record<string, Summary | null>;
  /** Why rounds of it have no figures. */
  failures: string[];
}

export type Round = { figures: Record<string, number | null> } | { failure: string };

/** A row of all rounds of a peer. */
export function rowOf(peer: string, metrics: readonly Metric[], rounds: readonly Round[]): Row {
  const measured = rounds.flatMap((round) => ('figures' in round ? [round.figures] : []));
  const failures = rounds.flatMap((round) => ('failure' in round ? [round.failure] : []));
  const figures = metrics.map(({ id }) => [id, summarize(measured.map((one) => one[id] ?? null))] as const);
  return { peer, figures: Object.fromEntries(figures), failures };
}

export interface Summary {
  median: number;
  least: number;
  most: number;
  rounds: number[];
}

/** Null when no round has a number. */
export function summarize(rounds: readonly (number | null)[]): Summary | null {
  const numbers = rounds.filter((number) => number !== null);
  const middle = median(numbers);
  if (middle === null) return null;
  return { median: middle, least: Math.min(...numbers), most: Math.max(...numbers), rounds: numbers };
}
