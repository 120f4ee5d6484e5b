import type { Amounts } from '../amounts.ts';
import type { Settings } from '../generator.ts';
import type { Layout, Peer, PeerContext } from '../peers/peer.ts';
import type { Session } from '../session.ts';
import type { Published } from './published.ts';

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

export interface Context extends PeerContext {
  amounts: Amounts;
  /** Starts a peer and its generators, which get further settings; the caller disposes of the session. */
  openSession: (peer: Peer, layout: Layout, settings?: Settings) => Promise<Session>;
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
  /** What it measures in place of the peers that were asked for. */
  peers?: readonly Peer[];
  /** Stands beside what is measured. */
  published?: readonly Published[];
  run: (peer: Peer, context: Context) => Promise<Figures>;
}
