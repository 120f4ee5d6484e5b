/** The messages of one stream that are kept, each with the id of the one before it. Plain data: it is copied. */
export interface SimulatedLog {
  createdAt: number;
  last: number;
  entries: { id: number; prev: number; token: string }[];
}

export function emptyLog(createdAt: number): SimulatedLog {
  return { createdAt, last: createdAt, entries: [] };
}

export function append(log: SimulatedLog, id: number, token: string): void {
  log.entries.push({ id, prev: log.last, token });
  log.last = id;
}

/** Keeps the newest message only. */
export function trim(log: SimulatedLog): void {
  log.entries = log.entries.slice(-1);
}

/** Whether nothing can have been missed after `position`. */
export function continues({ last, entries }: SimulatedLog, position: number): boolean {
  return (
    position === last || entries.some(({ id, prev }, index) => position === id || (index === 0 && position === prev))
  );
}

/** Where the log goes on after a position that it does not continue. */
export function goesOnAfter({ last, entries }: SimulatedLog, position: number): number {
  return entries.find(({ id }) => id > position)?.prev ?? last;
}

/** Whether the log shows that it has lost `position`, and not only what follows it. */
export function hasLost({ last, entries }: SimulatedLog, position: number): boolean {
  return last < position || (entries[0]?.prev ?? position) < position;
}
