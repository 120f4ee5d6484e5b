import type { Actor } from '../actors/actor.ts';
import type { Company } from '../actors/company.ts';
import { ENDING_MS } from '../checker/requirement.ts';
import { DidNotHappen } from '../not-run.ts';
import type { Fault } from '../fault.ts';
import type { Scene } from '../scene.ts';
import { brokenIn, companyOf, untilReady } from './company.ts';

const EACH = 5;
const SHORT_MS = 3000;
const PAST_LEASE_MS = 13_000;
/** More ends of subscriptions than an edge gets one by one. */
const TIMES = 70;
const LATER = 5;
const MARGIN_MS = 200;

export const edgeFreezeChanges: Fault = {
  name: 'edge-freeze-changes',
  proves:
    'An edge stands still, for a moment and past its lease, while clients unsubscribe and unregister: what is published ' +
    'a second later never reaches them, and what was published while they were subscribed does, or is announced.',
  quick: false,
  recoversWithinMs: 10_000,
  inject: async (scene) => {
    const { installation, now } = scene;
    const [edge] = installation.edges;
    if (edge === undefined) throw new Error('an installation has an edge');
    const company = companyOf(scene);
    const topics = ['prove.frozen-short', 'prove.frozen-long', 'prove.frozen-often'];
    for (const topic of topics) await company.topic(topic);
    const brokenAt = now();
    for (const [topic, ms] of [
      ['prove.frozen-short', SHORT_MS],
      ['prove.frozen-long', PAST_LEASE_MS],
    ] as const) {
      const actors = await company.hire(3 * EACH, [topic], [0]);
      await company.publishSurely(topic);
      await company.settled(SHORT_MS);
      edge.freeze();
      await changeMeanwhile(scene, company, topic, actors, ms);
      edge.thaw();
      await untilReady(scene);
    }
    const [often] = await company.hire(1, [], [0]);
    if (often === undefined) throw new Error('one was hired');
    edge.freeze();
    for (let time = 0; time < TIMES; time += 1) {
      await often.subscribe(['prove.frozen-often']);
      await company.publishSurely('prove.frozen-often');
      await often.unsubscribe(['prove.frozen-often']);
    }
    edge.thaw();
    const healedAt = now();
    await untilReady(scene);
    const broken = await brokenIn(company, topics);
    const proof = `${edge.name} stood still for ${SHORT_MS} and ${PAST_LEASE_MS} ms, and while one subscribed ${TIMES} times`;
    return { proof, brokenAt, healedAt, broken };
  },
};

/** A third unsubscribes and a third unregisters; a second later there are messages. The others are quiet. */
async function changeMeanwhile(
  { now, pass }: Scene,
  company: Company,
  topic: string,
  actors: readonly Actor[],
  ms: number,
): Promise<void> {
  const from = now();
  await company.each(actors.slice(0, EACH), (actor) => actor.unsubscribe([topic]));
  await company.each(actors.slice(EACH, 2 * EACH), (actor) => actor.unregister());
  await pass(ENDING_MS + MARGIN_MS);
  for (let message = 0; message < LATER; message += 1) await company.publishSurely(topic);
  await pass(Math.max(0, ms - (now() - from)));
}

const TOPIC = 'prove.claimed';
const CLAIMS_EACH = 6;
/** Long enough for a handshake to have asked Redis for the client. */
const ASKED_MS = 700;
/** An edge waits for Redis for 2 s; on a busy machine a handshake comes late to that. */
const MAX_STILL_MS = 10_000;

export const claimCutShort: Fault = {
  name: 'claim-cut-short',
  proves:
    'A second connection of a client comes to nothing after its edge has asked Redis for the client: the edge is killed ' +
    'before it gets the answer, or Redis stands still until the handshake is refused. The first one stays, and follows ' +
    'every change.',
  quick: true,
  // Sentinels and a Cluster would replace a Redis that stands still.
  on: ['single'],
  needs: { proxies: { edgesToRedis: true } },
  recoversWithinMs: 10_000,
  inject: async (scene) => {
    const { installation, now } = scene;
    const [first, second] = installation.edges;
    if (first === undefined || second === undefined) throw new Error('an installation has two edges');
    const company = companyOf(scene);
    await company.topic(TOPIC);
    // The last ones are quiet: no others of them come.
    const actors = await company.hire(3 * CLAIMS_EACH, [TOPIC], [0]);
    const stranded = actors.slice(0, CLAIMS_EACH);
    const before = stranded.map(({ line }) => line);
    const brokenAt = now();
    const unheard = await killBeforeAnswer(scene, company, stranded);
    const refused = await standStill(scene, company, actors.slice(CLAIMS_EACH, 2 * CLAIMS_EACH));
    const healedAt = now();
    await untilReady(scene);
    const broken = await brokenIn(company, [TOPIC]);
    const replaced = before.filter((line) => line?.code === 4409).length;
    if (replaced > 0)
      broken.unshift(`${replaced} connections were closed as replaced, and the edge of the newer ones had died`);
    const proof = `${second.name} was killed with ${unheard} claims under way; ${refused} handshakes were refused while Redis stood still`;
    return { proof, brokenAt, healedAt, broken };
  },
};

/** The second edge asks for these clients, and is killed before it has the answers. */
async function killBeforeAnswer(
  { installation, pass }: Scene,
  company: Company,
  actors: readonly Actor[],
): Promise<number> {
  const [, second] = installation.edges;
  const [, way] = installation.proxies.edgesToRedis;
  if (second === undefined || way === undefined) throw new Error('an installation has two edges');
  way.holdAnswers();
  const attempts = actors.map((actor) => actor.connect(1));
  await pass(ASKED_MS);
  if (attempts.some(({ isOpen }) => isOpen)) throw new DidNotHappen('a handshake needed no answer of Redis');
  await second.crash();
  await company.each(actors, (_, index) => attempts[index]?.ended ?? Promise.resolve());
  way.heal();
  way.cut();
  await second.startAgain();
  return attempts.length;
}

/** Redis stands still until another edge gives these handshakes up; what it was asked, it does then. */
async function standStill({ installation, pass }: Scene, company: Company, actors: readonly Actor[]): Promise<number> {
  const { redis } = installation;
  redis.freeze();
  const attempts = actors.map((actor) => actor.connect(2));
  await Promise.race([Promise.all(attempts.map(({ ended }) => ended)), pass(MAX_STILL_MS)]);
  redis.thaw();
  await company.each(actors, (_, index) => attempts[index]?.welcomed ?? Promise.resolve());
  const refused = attempts.filter(({ isOpen }) => !isOpen).length;
  if (refused === 0) throw new DidNotHappen('no handshake was refused');
  return refused;
}
