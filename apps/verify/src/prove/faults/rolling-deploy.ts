import { DidNotHappen, type Fault } from '../fault.ts';
import { readMetric } from '../installation/metrics.ts';

export const rollingDeploy: Fault = {
  name: 'rolling-deploy',
  proves: 'SIGTERM to one edge after the other, each started again, loses nothing, and each ends with exit code 0.',
  quick: true,
  recoversWithinMs: 10_000,
  inject: async ({ installation, now, say }) => {
    const brokenAt = now();
    const broken: string[] = [];
    let moved = 0;
    for (const edge of installation.edges) {
      const held = await readMetric(edge.url, 'connections');
      const code = await edge.terminate();
      if (code !== 0) broken.push(`${edge.name} ended with exit code ${code} after SIGTERM`);
      await edge.startAgain();
      moved += held;
      say(`${edge.name} said goodbye to ${held} connections and is back`);
    }
    if (moved === 0) throw new DidNotHappen('no edge held a connection');
    const proof = `${installation.edges.length} edges ended by SIGTERM, one after the other, with ${moved} connections`;
    return { proof, brokenAt, healedAt: now(), broken };
  },
};
