import { DidNotHappen, type Fault } from '../fault.ts';

const STORM_MS = 6000;
const SHARE = 0.1;

export const subscriptionStorm: Fault = {
  name: 'subscription-storm',
  proves: 'Subscribing, unsubscribing, registering and unregistering without pause: everybody gets what is theirs.',
  quick: true,
  recoversWithinMs: 5000,
  inject: async ({ crew, members, laterTopics, now }) => {
    const brokenAt = now();
    const perWorker = Math.ceil((members * SHARE) / crew.size);
    const answers = await crew.all('storm', { members: perWorker, topics: laterTopics, ms: STORM_MS });
    const sum = (field: 'subscribed' | 'unsubscribed' | 'registered') =>
      answers.reduce((total, answer) => total + answer[field], 0);
    if (sum('subscribed') === 0 || sum('registered') === 0) throw new DidNotHappen('nobody changed anything');
    const proof = `${sum('subscribed')} subscribed, ${sum('unsubscribed')} unsubscribed, ${sum('registered')} registered and unregistered`;
    return { proof, brokenAt, healedAt: now() };
  },
};
