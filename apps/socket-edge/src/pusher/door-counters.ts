/** What the door counts; see `metrics.ts`. */
export function newDoorCounters() {
  return {
    clientEvents: 0,
    clientEventsRefused: 0,
    /** Connections that it closed, by the code. */
    closed: new Map<number, number>(),
  };
}

export type DoorCounters = ReturnType<typeof newDoorCounters>;
