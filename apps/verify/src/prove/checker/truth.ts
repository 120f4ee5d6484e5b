import { comparePositions, type Position } from '@holdfast/protocol/position-order';

/** What became of one call that publishes. */
export interface Publication {
  topic: string;
  token: string;
  askedAt: number;
  /** When the answer came, or was given up. */
  answeredAt: number;
  /**
   * `published` with the id of the 202. `refused` with the status. `unknown`: no answer came, or one after which it may
   * have been published all the same (Redis was asked and did not answer in time).
   */
  outcome:
    { kind: 'published'; id: Position } | { kind: 'refused'; status: number } | { kind: 'unknown'; status?: number };
}

/** A message that was published for certain. */
export interface Truth {
  id: Position;
  token: string;
  askedAt: number;
  answeredAt: number;
  /** Whether the log still has it at the end. */
  inLog: boolean;
}

/** A publish without an answer that the log does not have: somebody may have received it before the log lost it. */
interface Doubt {
  token: string;
  askedAt: number;
  answeredAt: number;
}

/** All that is known of one topic. */
export interface TopicTruth {
  topic: string;
  /** In the order of ids. */
  messages: readonly Truth[];
  doubts: readonly Doubt[];
}

type TruthFaultKind = 'accepted-and-lost' | 'refused-and-published' | 'moved' | 'invented';

/**
 * What is wrong already between what publishers were told and what the log has.
 * - `accepted-and-lost`: answered with 202, and not in the log.
 * - `refused-and-published`: refused for certain, and in the log.
 * - `moved`: in the log under another id than the 202 said.
 * - `invented`: in the log, twice or never published.
 */
export interface TruthFault {
  kind: TruthFaultKind;
  topic: string;
  token: string;
}

/** An entry of a log as it is read in the end. */
export interface LogEntry {
  id: Position;
  token: string;
}

/** Joins what publishers were told with what the log of the topic has in the end. */
export function settle(
  topic: string,
  publications: readonly Publication[],
  log: readonly LogEntry[],
): { truth: TopicTruth; faults: TruthFault[] } {
  const entries = new Map<string, Position>();
  const faults: TruthFault[] = [];
  const blame = (kind: TruthFaultKind, token: string) => faults.push({ kind, topic, token });
  const known = new Set(publications.map(({ token }) => token));
  for (const { id, token } of log) {
    if (!known.has(token) || entries.has(token)) blame('invented', token);
    else entries.set(token, id);
  }
  const messages: Truth[] = [];
  const doubts: Doubt[] = [];
  for (const { token, askedAt, answeredAt, outcome } of publications) {
    const id = entries.get(token);
    if (outcome.kind === 'published') {
      if (id === undefined) blame('accepted-and-lost', token);
      else if (id !== outcome.id) blame('moved', token);
      messages.push({ id: outcome.id, token, askedAt, answeredAt, inLog: id !== undefined });
    } else if (id !== undefined) {
      if (outcome.kind === 'refused') blame('refused-and-published', token);
      // Nobody was told when it took place: any time after it was asked for.
      messages.push({ id, token, askedAt, answeredAt: Infinity, inLog: true });
    } else if (outcome.kind === 'unknown') {
      doubts.push({ token, askedAt, answeredAt: Infinity });
    }
  }
  messages.sort((a, b) => comparePositions(a.id, b.id));
  return { truth: { topic, messages, doubts }, faults };
}
