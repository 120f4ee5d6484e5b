import { Control } from '../control.ts';
import { DidNotHappen, type Fault } from '../fault.ts';

/** So long a byte takes between a control-api and Redis: wide enough to kill in between. */
const SLOW_MS = 400;
const CHANGING = 10;

export const controlKill: Fault = {
  name: 'control-kill',
  proves:
    'A control-api killed in the middle of requests, after it wrote what clients want and before it told their edges: ' +
    'the same call to another one makes it good.',
  quick: true,
  needs: { proxies: { controlsToRedis: true } },
  connectionsStay: true,
  recoversWithinMs: 5000,
  inject: async ({ installation, crew, laterTopics, now, until }) => {
    const [victim, other] = installation.controls;
    const [proxy] = installation.proxies.controlsToRedis;
    const topic = laterTopics[0];
    if (victim === undefined || other === undefined || proxy === undefined || topic === undefined) {
      throw new Error('an installation has two control-apis');
    }
    const asking = new Control([other.url], installation.key);
    const { pid } = victim;
    const change = { what: 'subscribe', members: CHANGING, topic } as const;
    const named = await crew.all('who', { members: CHANGING });
    const clientIds = named.flatMap((answer) => answer.clientIds);
    const ask = () =>
      Promise.all(clientIds.map((id) => asking.retrying((rest, signal) => rest.getClient(id, { signal }))));
    proxy.delay(SLOW_MS);
    const once = crew.all('change', { ...change, controlUrls: [victim.url], retry: false });
    // Redis has it, and its answer is still under way to the one who would ring.
    await until('Redis has what was asked for', async () => (await ask()).some(({ topics }) => topics.includes(topic)));
    const brokenAt = now();
    await victim.kill();
    proxy.heal();
    await once;
    // Wanted, and not served: the state was written, and no edge was told of it.
    const untold = (await ask()).filter(
      ({ topics, served }) => topics.includes(topic) && served?.[topic] === undefined,
    );
    if (untold.length === 0) throw new DidNotHappen('every change that was written was told to an edge');
    await crew.all('change', { ...change, controlUrls: [other.url], retry: true });
    await until('the edges serve what was asked for again', async () =>
      (await ask()).every(({ served }) => served?.[topic] !== undefined),
    );
    await victim.startAgain();
    const proof = `control-api pid ${pid} died between the state and the doorbell of ${untold.length} changes`;
    return { proof, brokenAt, healedAt: brokenAt };
  },
};
