import type { Actor } from '../actors/actor.ts';
import type { Company } from '../actors/company.ts';
import { DidNotHappen, type Fault } from '../fault.ts';
import type { Scene } from '../scene.ts';
import { brokenIn, companyOf, untilReady } from './company.ts';

const TOPIC = 'prove.claimed';
const EACH = 6;
/** Long enough for a handshake to have asked Redis for the client. */
const ASKED_MS = 700;
/** Longer than an edge waits for Redis. */
const STILL_MS = 2600;

export const claimCutShort: Fault = {
  name: 'claim-cut-short',
  proves:
    'A second connection of a client comes to nothing after its edge has asked Redis for the client: the edge is killed ' +
    'before it hears the answer, or Redis stands still until the handshake is refused. The first one stays, and follows ' +
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
    // The last ones are quiet: nobody else of them comes.
    const actors = await company.hire(3 * EACH, [TOPIC], [0]);
    const stranded = actors.slice(0, EACH);
    const before = stranded.map(({ line }) => line);
    const brokenAt = now();
    const unheard = await killBeforeAnswer(scene, company, stranded);
    const refused = await standStill(scene, company, actors.slice(EACH, 2 * EACH));
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
  await second.kill();
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
  await pass(STILL_MS);
  redis.thaw();
  await company.each(actors, (_, index) => attempts[index]?.welcomed ?? Promise.resolve());
  const refused = attempts.filter(({ isOpen }) => !isOpen).length;
  if (refused === 0) throw new DidNotHappen('no handshake was refused');
  return refused;
}
