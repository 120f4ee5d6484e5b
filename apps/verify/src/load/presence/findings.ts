export const presenceFaultKinds = [
  'gap',
  'joinedTwice',
  'leftTwice',
  'wrongCount',
  'tornSnapshot',
  'countOnly',
  'unasked',
  'missing',
  'notPresent',
  'wrongInfo',
] as const;

/**
 * `gap`: a version that does not follow. `joinedTwice`, `leftTwice`: a member that was in the map, or was not. `wrongCount`:
 * it is not the size of the map. `tornSnapshot`: its pages do not fit together. `countOnly`: members were not shown.
 * `unasked`: a frame that was not asked for, or that cannot be read. `missing`: present, and not in a map. `notPresent`: in a
 * map, and not present, or there twice. `wrongInfo`: a member with an info that no client of the run has.
 */
export type PresenceFaultKind = (typeof presenceFaultKinds)[number];

/** A fault with the watcher that saw it, for the search for its cause. */
export interface PresenceSample {
  kind: PresenceFaultKind;
  /** Its number in the run. */
  watcher: number;
  detail: string;
}

/** What came to watchers so far. */
export interface Received {
  frames: number;
  /** Of their texts. */
  bytes: number;
  snapshots: number;
  /** By which maps were changed, snapshots apart. */
  versions: number;
}

export const nothingReceived: Received = { frames: 0, bytes: 0, snapshots: 0, versions: 0 };

/** The clients of a worker that are connected. Times are milliseconds of the shared monotonic clock. */
export interface Present {
  clients: number[];
  joins: number;
  leaves: number;
  lastChangeAt: number;
}

/** What the watchers of a worker have seen. */
export interface PresenceFindings {
  watchers: number;
  /** Each map is what it should be. */
  isRight: boolean;
  received: Received;
  /** When the last frame of presence came; null when none did. */
  lastFrameAt: number | null;
  faults: Record<PresenceFaultKind, number>;
  samples: PresenceSample[];
  edges: string[];
  refusals: Record<string, number>;
  closes: Record<string, number>;
  reconnects: number;
  givenUp: number;
}
