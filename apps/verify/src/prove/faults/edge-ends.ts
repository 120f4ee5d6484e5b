import type { Service } from '@holdfast/local/services';
import { DidNotHappen } from '../not-run.ts';
import type { CommonFault, Fault } from '../fault.ts';
import { readMetric } from '../installation/servers.ts';
import type { Scene } from '../scene.ts';

/** An edge's lease is over by then, and a control-api has asked. */
const FORGOTTEN_MS = 15_000;

export const edgeKill: CommonFault = {
  name: 'edge-kill',
  proves: 'An edge killed with -9 takes nothing with it: its clients resume elsewhere.',
  quick: true,
  presenceStays: true,
  recoversWithinMs: 10_000,
  inject: async ({ installation, control, until, now, random }) => {
    const { edges } = installation;
    const edge = edges[Math.floor(random() * edges.length)];
    if (edge === undefined) throw new Error('an installation has an edge');
    const held = await readMetric(edge.url, 'connections');
    const { pid } = edge;
    const brokenAt = now();
    await edge.crash();
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

export const rollingDeploy: Fault = {
  name: 'rolling-deploy',
  proves:
    'SIGTERM to one edge after the other, each started again, loses nothing, is no leave of those who are back in time, ' +
    'and each ends with exit code 0.',
  quick: true,
  presenceStays: true,
  recoversWithinMs: 10_000,
  inject: async ({ installation, now, log }) => {
    const brokenAt = now();
    const broken: string[] = [];
    let moved = 0;
    for (const edge of installation.edges) {
      const held = await readMetric(edge.url, 'connections');
      const code = (await edge.stop()).code;
      if (code !== 0) broken.push(`${edge.name} ended with exit code ${code} after SIGTERM`);
      await edge.startAgain();
      moved += held;
      log(`${edge.name} closed ${held} connections in order and is back`);
    }
    if (moved === 0) throw new DidNotHappen('no edge held a connection');
    const proof = `${installation.edges.length} edges ended by SIGTERM, one after the other, with ${moved} connections`;
    return { proof, brokenAt, healedAt: now(), broken };
  },
};

/** Past the lease of 10 s. */
const FROZEN_MS = 13_000;
const SHARE_TAKEN_OVER = 0.1;
const LETS_GO_WITHIN_MS = 5000;

/** Freezes an edge past its lease, and reports whether it counted as alive then. */
async function freezePastLease({ control, pass }: Scene, edge: Service): Promise<string[]> {
  edge.freeze();
  await pass(FROZEN_MS);
  const { edges } = await control.retrying((rest, signal) => rest.edges({ signal }));
  const isCalledAlive = edges.some(({ url }) => url === edge.url.replace('http', 'ws'));
  return isCalledAlive ? [`a frozen edge was called alive after ${FROZEN_MS / 1000} s`] : [];
}

async function noticed({ until }: Scene, edge: Service): Promise<void> {
  await until('the edge notices that its lease ran out', async () => {
    return (await readMetric(edge.url, 'leases_lapsed_total')) > 0;
  });
}

export const edgeFreeze: Fault = {
  name: 'edge-freeze',
  proves: 'An edge is frozen past its lease: its clients find out by its silence, and are served elsewhere.',
  quick: false,
  // Clients find out by silence, so the heartbeat is a short one.
  needs: { edgeEnv: { EDGE_HEARTBEAT: '1500ms' } },
  recoversWithinMs: 10_000,
  inject: async (scene) => {
    const { installation, connected, members, now, until } = scene;
    const [edge] = installation.edges;
    if (edge === undefined) throw new Error('an installation has an edge');
    const held = await readMetric(edge.url, 'connections');
    const brokenAt = now();
    const broken = await freezePastLease(scene, edge);
    await until('everybody is connected elsewhere', () => connected() === members);
    edge.thaw();
    await noticed(scene, edge);
    await until('the edge has let go of the connections that no client holds', async () => {
      return (await readMetric(edge.url, 'connections')) < held / 2;
    });
    const proof = `${edge.name} with ${held} connections was stopped for ${FROZEN_MS / 1000} s, and noticed that its lease had run out`;
    return { proof, brokenAt, healedAt: brokenAt, broken };
  },
};

export const edgeFence: Fault = {
  name: 'edge-fence',
  proves:
    'An edge is frozen past its lease, and clients of it are taken over elsewhere: thawed, it lets go of them, does not ' +
    'fight the new owners, and goes on serving the others.',
  quick: false,
  recoversWithinMs: 10_000,
  inject: async (scene) => {
    const { installation, pool, control, members, now, until } = scene;
    const [edge, ...others] = installation.edges;
    if (edge === undefined) throw new Error('an installation has an edge');
    const { edges } = await control.retrying((rest, signal) => rest.edges({ signal }));
    const id = edges.find(({ url }) => url === edge.url.replace('http', 'ws'))?.id ?? '';
    const brokenAt = now();
    const broken = await freezePastLease(scene, edge);
    const taking = await pool.all('takeOver', {
      edge: id,
      members: Math.ceil((members * SHARE_TAKEN_OVER) / pool.size),
      edgeUrls: others.map(({ url }) => url.replace('http', 'ws')),
    });
    const takenOver = taking.reduce((sum, answer) => sum + answer.takenOver, 0);
    await until('clients are taken over', () => takenOver > 0);
    edge.thaw();
    const healedAt = now();
    await noticed(scene, edge);
    const state = async () => {
      const answers = await pool.all('takenOver', null);
      return {
        open: answers.reduce((sum, { open }) => sum + open, 0),
        disturbed: answers.reduce((sum, { disturbed }) => sum + disturbed, 0),
      };
    };
    let { open } = await state();
    while (open > 0 && now() - healedAt < LETS_GO_WITHIN_MS) ({ open } = await state());
    const { disturbed } = await state();
    if (open > 0) broken.push(`the thawed edge kept ${open} connections of clients that others own`);
    if (disturbed > 0) broken.push(`${disturbed} of the new owners lost their connections`);
    const proof = `${edge.name} was stopped for ${FROZEN_MS / 1000} s, and ${takenOver} of its clients taken over meanwhile`;
    return { proof, brokenAt, healedAt, broken };
  },
};
