import { repeat } from '@holdfast/service/backoff';
import pLimit from 'p-limit';
import { Authorizations } from '../client/authorization.ts';
import { ClosedRanges } from '../client/closed-ranges.ts';
import { Reconciler, type ReconcileDeps } from '../client/reconcile.ts';
import { Releases } from '../client/releases.ts';
import { PastNotes } from '../evidence/past-notes.ts';
import { Inbox } from '../topic/inbox.ts';
import { Losses } from '../topic/losses.ts';
import { PendingHandshakes } from './claim.ts';
import type { ConnectionSlices } from './connection-list.ts';
import { Heartbeat, type HeartbeatOptions } from './heartbeat.ts';
import { Hub, type HubDeps } from './hub.ts';
import { ConnectionRegistry } from './registry.ts';
import { ResumeLimit } from './resume-limit.ts';

/** Often enough that messages hardly ever wait for it; see `Freshness`. */
const POLL_MS = 400;
/** Logs of inboxes and of closed ranges read at a time: a storm of readers must not stand in memory all at once. */
const MAX_READS = 16;

export type ConnectionsDeps = Pick<
  HubDeps,
  | 'edge'
  | 'clockDifferenceMs'
  | 'broker'
  | 'topics'
  | 'slicer'
  | 'counters'
  | 'heartbeatMs'
  | 'resumeDeadlineMs'
  | 'onError'
> &
  Pick<ReconcileDeps, 'freshness'> &
  Pick<HeartbeatOptions, 'broadcast' | 'stuckMs'> & {
    /** Those of other protocols, for one heartbeat. */
    others: readonly ConnectionSlices[];
  };

/** Wires together what an edge has for its connections and their clients. */
export function createConnections(deps: ConnectionsDeps) {
  const { edge, broker, slicer, heartbeatMs, others, onError } = deps;
  const limit = pLimit(MAX_READS);
  const parts = {
    ...deps,
    everyMs: heartbeatMs,
    registry: new ConnectionRegistry(),
    pending: new PendingHandshakes(),
    resumes: new ResumeLimit(),
    inbox: new Inbox({ broker, limit }),
    closedRanges: new ClosedRanges({ broker, limit }),
    authorizations: new Authorizations({ slicer }),
    releases: new Releases(broker, edge),
    pastNotes: new PastNotes(broker),
    losses: new Losses(edge, broker),
  };
  const { registry, resumes, authorizations, releases, pastNotes, losses } = parts;
  const reconciler = new Reconciler(parts);
  const hub = new Hub({ ...parts, reconciler });
  const heartbeat = new Heartbeat({ ...parts, lists: [registry, ...others] });

  return {
    registry,
    resumes,
    authorizations,
    reconciler,
    hub,
    /** Returns the stop. */
    start(): () => void {
      const stops = [
        heartbeat.start(),
        () => authorizations.stop(),
        repeat(() => reconciler.readPending(), { intervalMs: POLL_MS, onError }),
      ];
      return () => stops.forEach((stop) => stop());
    },
    /** Once a second: reads what has changed, and writes what could not be written. Rejects when Redis does not answer. */
    tend(): Promise<unknown> {
      return Promise.all([
        reconciler.readPending(),
        reconciler.walk(),
        releases.flush(),
        pastNotes.flush(),
        losses.write(),
      ]);
    },
    /** Writes what is not written yet of connections that have ended. */
    async flush(): Promise<void> {
      await releases.flush();
      await Promise.allSettled([pastNotes.flush(), losses.write()]);
    },
  };
}
