import type { Fault } from '../fault.ts';
import { readMetric } from '../installation/metrics.ts';

/** An edge's lease is over by then, and a control-api has asked. */
const FORGOTTEN_MS = 15_000;

export const edgeKill: Fault = {
  name: 'edge-kill',
  proves: 'An edge killed with -9 takes nothing with it: its clients resume elsewhere.',
  quick: true,
  recoversWithinMs: 10_000,
  inject: async ({ installation, control, until, now, random }) => {
    const { edges } = installation;
    const edge = edges[Math.floor(random() * edges.length)];
    if (edge === undefined) throw new Error('an installation has an edge');
    const held = await readMetric(edge.url, 'connections');
    const { pid } = edge;
    const brokenAt = now();
    await edge.kill();
    const url = edge.url.replace('http', 'ws');
    await until(
      'no API answer knows the dead edge any more',
      async () => {
        const answer = await control.once((rest, signal) => rest.edges({ signal }));
        return answer.edges.every((alive) => alive.url !== url);
      },
      FORGOTTEN_MS,
    );
    return { proof: `${edge.name}, pid ${pid}, is gone; it held ${held} connections`, brokenAt, healedAt: brokenAt };
  },
};
