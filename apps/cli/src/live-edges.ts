import { setTimeout as delay } from 'node:timers/promises';
import { CliError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import type { Invocation } from './invocation.ts';

/** An edge that has just started takes clients once it hears Redis, a second later at most; a restart takes some more. */
const WAIT_MS = 10_000;
const LOOK_EVERY_MS = 250;

/** The edges that take connections, waiting a little for the first. Raises CliError `no-edge` when there is none. */
export async function liveEdges(invocation: Invocation): Promise<string[]> {
  const rest = await invocation.rest();
  const until = performance.now() + WAIT_MS;
  for (;;) {
    const { edges } = await rest.edges();
    const live = edges.filter(({ draining }) => !draining).map(({ url }) => url);
    if (live.length > 0) return live;
    if (performance.now() >= until) {
      throw new CliError(exitCodes.unreachable, 'no-edge', 'No edge is alive. To name one: --url ws://127.0.0.1:7701');
    }
    await delay(LOOK_EVERY_MS);
  }
}
