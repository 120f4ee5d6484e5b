import { comparePositions, type Position } from '@holdfast/protocol/position-order';

/** A message as it was published or received: its id, and a digest of its payload's bytes. */
export interface Entry {
  id: Position;
  digest: string;
}

/** A gap that the edge announced: messages after `after`, up to and with `upTo`. */
export interface Gap {
  after: Position;
  upTo: Position;
}

export const faultKinds = ['lost', 'duplicated', 'reordered', 'phantom'] as const;

/**
 * - `lost`: published, never received, and no gap announced it.
 * - `duplicated`: received again.
 * - `reordered`: received after one with a later id.
 * - `phantom`: received, but never published on this topic, or not with this payload.
 */
export type FaultKind = (typeof faultKinds)[number];

interface Fault {
  kind: FaultKind;
  id: Position;
}

export interface Verdict {
  faults: Fault[];
  /** Published, never received, and announced as a gap. No fault. */
  announced: number;
}

/** What was published on one topic, in the order of ids. */
export interface Published {
  entries: readonly Entry[];
  rankOf: ReadonlyMap<Position, number>;
}

/**
 * Puts what was published on one topic into the order of ids: messages published side by side are ordered by the
 * server.
 */
export function published(entries: Iterable<Entry>): Published {
  const ordered = [...entries].toSorted((a, b) => comparePositions(a.id, b.id));
  return { entries: ordered, rankOf: new Map(ordered.map(({ id }, rank) => [id, rank])) };
}

/**
 * Compares what one client received on one topic, over all its connections, with what was published on it: exactly the
 * published ids, once each, in the order of ids, with their payloads. No fault is left out, and each is of one kind:
 * a message with another payload is a phantom, and counts as received.
 */
export function judge(topic: Published, received: Iterable<Entry>, gaps: readonly Gap[]): Verdict {
  const faults: Fault[] = [];
  const seen = new Set<number>();
  let latest = -1;
  for (const { id, digest } of received) {
    const rank = topic.rankOf.get(id);
    if (rank === undefined) {
      faults.push({ kind: 'phantom', id });
      continue;
    }
    if (topic.entries[rank]?.digest !== digest) faults.push({ kind: 'phantom', id });
    else if (seen.has(rank)) faults.push({ kind: 'duplicated', id });
    else if (rank < latest) faults.push({ kind: 'reordered', id });
    seen.add(rank);
    latest = Math.max(latest, rank);
  }
  let announced = 0;
  if (seen.size < topic.entries.length) {
    for (const [rank, { id }] of topic.entries.entries()) {
      if (seen.has(rank)) continue;
      if (gaps.some((gap) => isIn(gap, id))) announced += 1;
      else faults.push({ kind: 'lost', id });
    }
  }
  return { faults, announced };
}

function isIn(gap: Gap, id: Position): boolean {
  return comparePositions(id, gap.after) > 0 && comparePositions(id, gap.upTo) <= 0;
}
