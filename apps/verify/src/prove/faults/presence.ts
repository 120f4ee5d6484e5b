import { setTimeout as delay } from 'node:timers/promises';
import { DidNotHappen } from '../not-run.ts';
import type { Fault } from '../fault.ts';
import { PRESENCE_TOPIC } from '../presence/log.ts';

const STORM_MS = 8000;
/** In the middle, an edge is killed and started again. */
const KILLED_AFTER_MS = 3000;
const AWAY_MS = 1500;
/** As many as others are there, but no more. */
const MAX_CLIENTS = 400;

export const presenceStorm: Fault = {
  name: 'presence-storm',
  proves:
    'Hundreds of connections come, break and go on a topic with presence, and an edge is killed meanwhile: those who ' +
    'watch are shown each join and leave once, and in the end all that are there.',
  quick: true,
  recoversWithinMs: 10_000,
  inject: async ({ installation, pool, members, control, now }) => {
    const edge = installation.edges.at(-1);
    if (edge === undefined) throw new Error('an installation has an edge');
    const version = async () =>
      (await control.retrying((rest, signal) => rest.presence(PRESENCE_TOPIC, { limit: 1, signal }))).version;
    const before = await version();
    const brokenAt = now();
    const clients = Math.ceil(Math.min(members, MAX_CLIENTS) / pool.size);
    const storm = pool.all('crowd', { clients, ms: STORM_MS });
    const killed = (async () => {
      await delay(KILLED_AFTER_MS);
      await edge.crash();
      await delay(AWAY_MS);
      await edge.startAgain();
    })();
    const [answers] = await Promise.all([storm, killed]);
    const healedAt = now();
    const sum = (field: 'came' | 'broke') => answers.reduce((total, answer) => total + answer[field], 0);
    const versions = (await version()) - before;
    if (sum('broke') === 0 || versions <= 0) throw new DidNotHappen('nothing changed for those who watch');
    return {
      proof: `${clients * pool.size} clients came ${sum('came')} times and broke off ${sum('broke')} times, in ${versions} versions`,
      brokenAt,
      healedAt,
    };
  },
};
