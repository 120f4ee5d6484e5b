import type { EdgeBroker } from '@holdfast/broker/broker';
import type { PastConnection } from '@holdfast/broker/evidence';
import { RetryQueue } from '../schedule/retry-queue.ts';

/** Notes that wait while Redis is away. */
const MAX_WAITING = 100_000;
/** Tries of a note, once a second: one that Redis does not take for itself must not be tried for ever. */
const MAX_TRIES = 60;

interface Note {
  clientId: string;
  past: PastConnection;
}

/** Connections that ended here, to be remembered in Redis. No claim or release waits for it. */
export class PastNotes extends RetryQueue<Note> {
  constructor(broker: Pick<EdgeBroker, 'notePast'>) {
    super(({ clientId, past }) => broker.notePast(clientId, past), { maxWaiting: MAX_WAITING, maxTries: MAX_TRIES });
  }
}
