import { FixedHistogram } from '@holdfast/service/fixed-histogram';

/** How long Redis took to answer, over all connections of this process. A command that was never sent does not count. */
export const roundTrips = new FixedHistogram();

export const ROUND_TRIP_HELP = 'From the sending of a command to the answer of Redis';

const MS_PER_SECOND = 1000;
/** Of ioredis, for a command without an answer. */
const TIMED_OUT = 'Command timed out';

export function answered(sentAt: number): void {
  roundTrips.observe((performance.now() - sentAt) / MS_PER_SECOND);
}

/** What Redis refused was answered too, and what it did not answer in time was waited for. */
export function failed(sentAt: number, error: unknown): void {
  if (!(error instanceof Error)) return;
  if (error.name === 'ReplyError' || error.message === TIMED_OUT) answered(sentAt);
}
