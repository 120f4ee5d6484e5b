import type { Fault } from '../fault.ts';
import { readMetric } from '../installation/metrics.ts';

/** Past the lease of 10 s. */
const FROZEN_MS = 13_000;

export const edgeFreeze: Fault = {
  name: 'edge-freeze',
  proves: 'An edge frozen past its lease and thawed notices that it was given up, and does not fight the new owners.',
  quick: false,
  // Clients find out by silence, so the heartbeat is a short one.
  needs: { edgeEnv: { EDGE_HEARTBEAT: '1500ms' } },
  recoversWithinMs: 10_000,
  inject: async ({ installation, control, crew, members, pass, now, until }) => {
    const [edge] = installation.edges;
    if (edge === undefined) throw new Error('an installation has an edge');
    const held = await readMetric(edge.url, 'connections');
    const brokenAt = now();
    edge.freeze();
    await pass(FROZEN_MS);
    const url = edge.url.replace('http', 'ws');
    const { edges } = await control.retrying((rest, signal) => rest.edges({ signal }));
    const broken = edges.some((alive) => alive.url === url) ? ['a frozen edge was called alive after 13 s'] : [];
    await until('everybody is connected elsewhere', () => crew.open === members);
    edge.thaw();
    await until('the edge notices that its lease ran out', async () => {
      return (await readMetric(edge.url, 'leases_lapsed_total')) > 0;
    });
    await until('the edge has let go of the connections that nobody holds', async () => {
      return (await readMetric(edge.url, 'connections')) < held / 2;
    });
    const proof = `${edge.name} with ${held} connections was stopped for ${FROZEN_MS / 1000} s, and noticed that its lease had run out`;
    return { proof, brokenAt, healedAt: brokenAt, broken };
  },
};
