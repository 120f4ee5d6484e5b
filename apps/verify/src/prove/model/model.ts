import type { CallEvent, Forgetting } from '../history/events.ts';
import type { LineLog } from './lines.ts';
import type { Stream } from './publications.ts';
import type { Timeline } from './timeline.ts';

/**
 * - `lost`: published for the client, did not come, and neither `lost` nor `recovered: false` says so.
 * - `deaf`: likewise, and nothing later of the stream came on that connection either.
 * - `falsely-recovered`: likewise, and the connection said that it had recovered it.
 * - `duplicated`: twice on one connection, or again after it had been stated as seen.
 * - `reordered`: after one with a later id.
 * - `phantom`: never published there, refused, or under another id.
 * - `wrong-audience`: published while the client was no subscriber, nor had been for a second.
 * - `falsely-replaced`: closed with 4409, and there was no newer connection.
 * - `not-closed`: open long after its registration ended, or after an operator had it closed.
 * - `api-lies`: the API calls something so that cannot be so.
 * - `id-twice`: two messages of a topic were given the same id.
 * - `presence`: somebody is shown who is not there, or not shown who is, or joins without having left.
 * - `published-twice`: a repeated call with an idempotency key gave another id.
 */
export type ViolationKind =
  | 'lost'
  | 'deaf'
  | 'falsely-recovered'
  | 'duplicated'
  | 'reordered'
  | 'phantom'
  | 'wrong-audience'
  | 'falsely-replaced'
  | 'not-closed'
  | 'api-lies'
  | 'id-twice'
  | 'presence'
  | 'published-twice';

export interface Violation {
  kind: ViolationKind;
  /** What happened, in one line. */
  text: string;
  /** Where to look: lines of the history that name one of these matter. */
  client?: string;
  line?: number;
  stream?: string;
  token?: string;
}

/** What a history says, in the form in which it is judged. */
export interface Model {
  calls: readonly CallEvent[];
  forgettings: readonly Forgetting[];
  lines: readonly LineLog[];
  streams: ReadonlyMap<string, Stream>;
  /** When the history ends; what has not come by then is missing. */
  endAt: number;
  /** Whether a client was a subscriber of a stream. */
  timelineOf: (client: string, stream: string) => Timeline;
}
