import type { Amounts } from '../amounts.ts';
import type { Settings } from '../generator.ts';
import type { Layout, Peer } from '../peers/peer.ts';
import type { Session } from '../session.ts';

/** One figure of a measure. */
export interface Metric {
  id: string;
  title: string;
  unit: string;
  /** What a reader is to look for. */
  better: 'less' | 'more';
  /** Whether the table has it as a multiple of the floor, too. */
  againstFloor?: boolean;
}

/** What a round gave, by the metric's id; null for what this peer cannot be asked. */
export type Figures = Record<string, number | null>;

export interface Context {
  amounts: Amounts;
  /** Starts the peer with so many connections to be; the caller disposes of it. More settings of the generators. */
  openSession: (peer: Peer, layout: Layout, settings?: Settings) => Promise<Session>;
  /** Connections that a process can hold. */
  perProcess: number;
  /** Takes a line for people. */
  log: (line: string) => void;
  signal: AbortSignal;
}

export interface Measure {
  name: string;
  title: string;
  /** What is done, for the report. */
  about: (amounts: Amounts) => string;
  metrics: (amounts: Amounts) => readonly Metric[];
  /** Whether it asks only what Holdfast has. */
  onlyHoldfast?: boolean;
  run: (peer: Peer, context: Context) => Promise<Figures>;
}
