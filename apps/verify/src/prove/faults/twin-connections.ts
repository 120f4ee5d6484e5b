import { DidNotHappen, type Fault } from '../fault.ts';

const FIGHT_MS = 4000;
const SHARE = 0.2;

export const twinConnections: Fault = {
  name: 'twin-connections',
  proves: 'Two connections of one client replace each other again and again: the newest has it, and nothing is lost.',
  quick: true,
  recoversWithinMs: 5000,
  inject: async ({ crew, members, now }) => {
    const brokenAt = now();
    const perWorker = Math.ceil((members * SHARE) / crew.size);
    const answers = await crew.all('twins', { members: perWorker, ms: FIGHT_MS });
    const replaced = answers.reduce((sum, answer) => sum + answer.replaced, 0);
    if (replaced === 0) throw new DidNotHappen('no connection was replaced');
    const proof = `${perWorker * crew.size} pairs of connections, one of each replaced ${replaced} times in all`;
    return { proof, brokenAt, healedAt: now() };
  },
};
