import type { Service } from '@holdfast/local/services';
import { Control } from '../control.ts';
import { DidNotHappen } from '../not-run.ts';
import type { Fault } from '../fault.ts';

/** So long a byte takes between a control-api and Redis: wide enough to kill in between. */
const SLOW_MS = 400;
const CHANGING = 10;

export const controlKill: Fault = {
  name: 'control-kill',
  proves:
    'A control-api killed in the middle of requests, after it wrote the desired topics and before it notified their edges: ' +
    'the same call to another one makes it good.',
  quick: true,
  needs: { proxies: { controlsToRedis: true } },
  connectionsStay: true,
  presenceStays: true,
  recoversWithinMs: 5000,
  inject: async ({ installation, pool, laterTopics, now, until }) => {
    const [victim, other] = installation.controls;
    const [proxy] = installation.proxies.controlsToRedis;
    const topic = laterTopics[0];
    if (victim === undefined || other === undefined || proxy === undefined || topic === undefined) {
      throw new Error('an installation has two control-apis');
    }
    const asking = new Control([other.url], installation.key);
    const { pid } = victim;
    const change = { what: 'subscribe', members: CHANGING, topic } as const;
    const named = await pool.all('who', { members: CHANGING });
    const clientIds = named.flatMap((answer) => answer.clientIds);
    const ask = () =>
      Promise.all(clientIds.map((id) => asking.retrying((rest, signal) => rest.getClient(id, { signal }))));
    proxy.delay(SLOW_MS);
    const once = pool.all('change', { ...change, controlUrls: [victim.url], retry: false });
    // Redis has it, and its answer is still under way to the control-api that would send the wake-up.
    await until('Redis has what was asked for', async () => (await ask()).some(({ topics }) => topics.includes(topic)));
    const brokenAt = now();
    await victim.crash();
    proxy.heal();
    await once;
    // Desired, and not served: the state was written, and no edge was notified.
    const unnotified = (await ask()).filter(
      ({ topics, served }) => topics.includes(topic) && served?.[topic] === undefined,
    );
    if (unnotified.length === 0) throw new DidNotHappen('an edge was notified of every change that was written');
    await pool.all('change', { ...change, controlUrls: [other.url], retry: true });
    await until('the edges serve what was asked for again', async () =>
      (await ask()).every(({ served }) => served?.[topic] !== undefined),
    );
    await victim.startAgain();
    const proof = `control-api pid ${pid} died between the state and the wake-up of ${unnotified.length} changes`;
    return { proof, brokenAt, healedAt: brokenAt };
  },
};

const BETWEEN_MS = 2500;
/** An hour, less what passes meanwhile. */
const FAR_MS = 3_000_000;

export const clockJump: Fault = {
  name: 'clock-jump',
  proves: 'The clocks of all services jump an hour ahead, then two hours back: no client loses anything by it.',
  quick: false,
  needs: { jumpingClocks: true },
  connectionsStay: true,
  recoversWithinMs: 5000,
  inject: async ({ installation, now, pass, until }) => {
    const services = [...installation.controls, ...installation.edges];
    const brokenAt = now();
    for (const isThere of [(ms: number) => ms > FAR_MS, (ms: number) => ms < -FAR_MS]) {
      for (const service of services) service.kill('SIGUSR2');
      await until('the clocks jump', () => services.every((service) => isThere(shiftOf(service))));
      await pass(BETWEEN_MS);
    }
    const proof = `the clocks of ${services.length} services jumped by 1 h, and then by -2 h`;
    return { proof, brokenAt, healedAt: brokenAt };
  },
};

/** How far a service's clock is ahead of ours, by its last log line about it, in milliseconds. */
function shiftOf(service: Service): number {
  const entry = service.lines().findLast((line) => line.startsWith('{"msg":"the clock jumped"'));
  if (entry === undefined) return 0;
  return (JSON.parse(entry) as { now: number }).now - Date.now();
}
