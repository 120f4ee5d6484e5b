import { DidNotHappen } from '../not-run.ts';
import type { CommonFault } from '../fault.ts';
import { readMetric } from '../installation/servers.ts';

/** One process may have 20,000 open files here and there, so the clients of two edges lose them at once. */
const DYING = 2;
const ALL_BACK_MS = 60_000;
const LOG_EVERY_MS = 1000;
/** What an edge's event loop may stall while everybody comes. */
const STALL_S = 0.25;
/** Deliveries a second stay what the machine can check beside the storm. */
const RATE = 2;
const WORKERS = 4;

export const reconnectStorm: CommonFault = {
  name: 'reconnect-storm',
  proves: 'Thousands of clients lose their edges at once and come back at once: all of them, with nothing missing.',
  quick: false,
  needs: { edges: 2 * DYING },
  scale: (scale) => ({ ...scale, members: scale.stormMembers, rate: RATE, workers: WORKERS }),
  recoversWithinMs: ALL_BACK_MS,
  // Everybody starts on the edges that will die.
  prepare: async ({ edges }) => {
    await Promise.all(edges.slice(DYING).map((edge) => edge.crash()));
  },
  inject: async ({ installation, warmUp, absent, connected, members, now, until, pass, log }) => {
    const dying = installation.edges.slice(0, DYING);
    const others = installation.edges.slice(DYING);
    await Promise.all(others.map((edge) => edge.startAgain()));
    await warmUp(others.map(({ url }) => url.replace('http', 'ws')));
    const held = await Promise.all(dying.map((edge) => readMetric(edge.url, 'connections')));
    const total = held.reduce((sum, count) => sum + count, 0);
    if (total < members) throw new DidNotHappen(`only ${total} of ${members} clients were connected`);
    // Reading it also begins it anew.
    const stalls = () =>
      Promise.all(others.map(({ url }) => readMetric(url, 'event_loop_delay_seconds', 'quantile="1"')));
    await stalls();
    const brokenAt = now();
    await Promise.all(dying.map((edge) => edge.crash()));
    await until('the connections are gone', () => connected() < members);
    const broken: string[] = [];
    while (connected() < members && now() - brokenAt < ALL_BACK_MS) {
      await pass(LOG_EVERY_MS);
      log(`${connected()} of ${members} are back`);
    }
    if (connected() < members) {
      broken.push(`${members - connected()} clients did not come back: ${(await absent()).join('; ')}`);
    }
    const seconds = ((now() - brokenAt) / 1000).toFixed(1);
    const longest = Math.max(...(await stalls()));
    if (longest > STALL_S) broken.push(`an edge's event loop stalled for ${Math.round(longest * 1000)} ms`);
    return {
      proof: `${total} clients lost ${DYING} edges and were back after ${seconds} s; the longest stall of an edge was ${Math.round(longest * 1000)} ms`,
      brokenAt,
      healedAt: brokenAt,
      broken,
    };
  },
};
