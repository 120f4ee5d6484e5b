import { setTimeout as delay } from 'node:timers/promises';
import type { Session } from '../session.ts';
import type { Measure } from './measure.ts';

const TOPIC = 1;
const WARM_UP_MESSAGES = 3;
/** Longer than any peer takes: a client that has not come back by then never does. */
const BACK_WITHIN_MS = 120_000;
const ACCOUNTED_WITHIN_MS = 60_000;
/** A backend whose publish is refused tries again after this. */
const RETRY_MS = 20;
/** Clients come back by themselves, with full jitter from 250 ms on, as Holdfast's own client does. */
const COMING_BACK = [
  ['reconnect', '1'],
  ['backoff-ms', '250'],
] as const;

/** Measure f: a server is killed; all its clients come back, to another one or to its successor. */
export const comingBack: Measure = {
  name: 'return',
  title: 'Coming back',
  about: ({ return: { connections, everyMs } }) =>
    `${connections} clients (or as many as a process may have) subscribed to one topic with a message every ${everyMs} ms; their server is killed with ` +
    'SIGKILL and started again on the same port, or, where the peer has a second server for that, they go there; refused publishes are tried again until they are accepted',
  metrics: () => [
    { id: 'seconds', title: 'until all are subscribed again', unit: 's', better: 'less' },
    { id: 'refused', title: 'handshakes refused', unit: '', better: 'less' },
    { id: 'published', title: 'messages meanwhile', unit: '', better: 'more' },
    { id: 'lost', title: 'deliveries lost', unit: '', better: 'less' },
    { id: 'duplicated', title: 'twice', unit: '', better: 'less' },
  ],
  run: async (peer, { amounts, openSession, perProcess, signal }) => {
    const { connections, everyMs } = amounts.return;
    const layout = { connections: Math.min(connections, perProcess), topicsOf: () => [TOPIC], willBeKilled: true };
    await using session = await openSession(peer, layout, COMING_BACK);
    await session.open();
    await session.broadcast(TOPIC, WARM_UP_MESSAGES);
    await session.generators.reset();

    const publishing = keepPublishing(session, everyMs, signal);
    const killedAt = Number(process.hrtime.bigint());
    await session.running.killAndReplace();
    const back = await session.generators.waitReturned(() => true, BACK_WITHIN_MS);
    const published = await publishing.stop();
    if (back.readied < layout.connections) {
      throw new Error(`${back.readied} of ${layout.connections} clients came back within ${BACK_WITHIN_MS / 1000} s`);
    }
    // A connection that receives this message has counted what it missed before.
    await session.running.publish(session.message(TOPIC));
    const { lost, duplicated, received } = await session.generators.waitDelivered(ACCOUNTED_WITHIN_MS, 'accounted');
    const missing = session.generators.expected - received - lost;
    return {
      seconds: (back.readyAt - killedAt) / 1e9,
      refused: back.refused,
      published,
      lost: lost + missing,
      duplicated,
    };
  },
};

/** Publishes at intervals, and the same message again until it is accepted. */
function keepPublishing(session: Session, everyMs: number, signal: AbortSignal): { stop: () => Promise<number> } {
  const over = new AbortController();
  let published = 0;
  const publishing = (async () => {
    while (!over.signal.aborted && !signal.aborted) {
      await publishUntilAccepted(session, signal);
      published += 1;
      await delay(everyMs);
    }
  })();
  return {
    stop: async () => {
      over.abort();
      await publishing;
      return published;
    },
  };
}

async function publishUntilAccepted(session: Session, signal: AbortSignal): Promise<void> {
  const message = session.message(TOPIC);
  while (!signal.aborted) {
    try {
      await session.running.publish(message);
      return;
    } catch {
      // The server was killed, which is what this measure is about.
      await delay(RETRY_MS);
    }
  }
}
