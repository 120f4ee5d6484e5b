import { Holder } from '../authorization/holder.ts';
import { LEEWAY_MS, judgeHolders } from '../authorization/judge.ts';
import type { Fault } from '../fault.ts';
import { DidNotHappen } from '../not-run.ts';
import type { Scene } from '../scene.ts';

/** Of each kind; on every edge some. */
const EACH = 12;
/** A token that is renewed is over several times in a run. */
const RENEWED_S = 15;
/** Those that are not renewed end one second after the other. */
const FIRST_END_S = 10;
const ENDS = 6;
const LONG_S = 600;
/** The fault begins so long before the first connection is closed. */
const BEFORE_MS = 2000;
const REDIS_AWAY_MS = 3000;
/** Short of the lease. */
const EDGE_STILL_MS = 8000;
const REDIS_STILL_MS = 1500;
const CLOSED_WITHIN_MS = 15_000;

export const authorizationEnds: Fault = {
  name: 'authorization-ends',
  proves:
    'Tokens end while Redis is restarted and an edge stands still, and some are revoked while Redis stands still: who ' +
    'renewed stays connected, all others are closed with 4401 in time, none too early, and their UUIDs open nothing.',
  quick: false,
  // Sentinels and a Cluster would replace a Redis that stands still.
  on: ['single'],
  needs: { aof: true, tokens: true },
  connectionsStay: true,
  presenceStays: true,
  recoversWithinMs: 10_000,
  inject: async (scene) => {
    const { now } = scene;
    const renewing = holdersOf(scene, 'renews', () => RENEWED_S);
    const ending = holdersOf(scene, 'ends', (index) => FIRST_END_S + (index % ENDS));
    const revoked = holdersOf(scene, 'revoked', () => LONG_S);
    const all = [...renewing, ...ending, ...revoked];
    const { edgeUrls } = scene.installation;
    await Promise.all([
      ...renewing.map((holder) => holder.renewing()),
      ...[...ending, ...revoked].map((holder, index) => holder.once(edgeUrls[index % edgeUrls.length] ?? '')),
    ]);
    // With the fault over, all of these have been over for longer than the leeway.
    const firstEnds = renewing.map(({ expiresAt }) => expiresAt);

    const brokenAt = now();
    await breakOver(scene, ending);
    await settled(scene, ending);
    await scene.pass(Math.max(0, Math.max(...firstEnds) + LEEWAY_MS + BEFORE_MS - Date.now()));
    await revoke(scene, revoked);
    const healedAt = now();
    await settled(scene, revoked);
    await Promise.all([...ending, ...revoked].map((holder) => holder.tryAgain(edgeUrls.at(-1) ?? '')));
    const broken = judgeHolders(all);
    for (const holder of all) holder.close();
    const renewals = renewing.reduce((sum, { tokens }) => sum + tokens - 1, 0);
    if (renewals < renewing.length) throw new DidNotHappen(`there were only ${renewals} renewals`);
    const proof = `${ending.length} authorizations ended, ${revoked.length} were revoked, and ${renewing.length} were renewed ${renewals} times`;
    return { proof, brokenAt, healedAt, broken };
  },
};

function holdersOf(
  { installation, topics }: Scene,
  kind: Holder['kind'],
  secondsOf: (index: number) => number,
): Holder[] {
  const { tokenKey: key, controlUrls } = installation;
  if (key === null) throw new Error('a key of tokens was asked for');
  return Array.from({ length: EACH }, (_, index) => {
    const controlUrl = controlUrls[index % controlUrls.length] ?? '';
    const name = `${kind}-${index}`;
    return new Holder(kind, { name, key, controlUrl, topics: topics.slice(0, 1), seconds: secondsOf(index) });
  });
}

/** Redis is killed and comes back, and the first edge stands still, over the time in which connections are to be closed. */
async function breakOver({ installation, pass, log }: Scene, ending: readonly Holder[]): Promise<void> {
  const [edge] = installation.edges;
  const { redis } = installation;
  if (edge === undefined) throw new Error('an installation has an edge');
  const dueAt = ending.map(({ expiresAt }) => expiresAt + LEEWAY_MS);
  const before = Math.min(...dueAt) - BEFORE_MS - Date.now();
  if (before < 0) throw new DidNotHappen('connections were closed before the fault');
  log(`${ending.length} authorizations end in ${Math.round(before / 1000)} s`);
  await pass(before);
  const from = Date.now();
  edge.freeze();
  await redis.crash();
  await pass(REDIS_AWAY_MS);
  await redis.startAgain();
  const redisBackAt = Date.now();
  await pass(from + EDGE_STILL_MS - Date.now());
  edge.thaw();
  const thawedAt = Date.now();
  // Every third was connected to the edge that stood still.
  const { length } = installation.edges;
  for (const [index, holder] of ending.entries()) if (index % length === 0) holder.heldUntil = thawedAt;
  if (!dueAt.some((at) => at > from && at < redisBackAt)) throw new DidNotHappen('none ended while Redis was away');
}

/** All are revoked while Redis stands still: the answer comes when it goes on. */
async function revoke({ installation, control, pass }: Scene, revoked: readonly Holder[]): Promise<void> {
  const { redis } = installation;
  const askedAt = Date.now();
  redis.freeze();
  const answers = revoked.map(async (holder) => {
    await control.retrying((rest, signal) => rest.revokeUser(holder.name, { signal }));
    holder.revoked = { askedAt, answeredAt: Date.now() };
  });
  await pass(REDIS_STILL_MS);
  const early = revoked.filter((holder) => holder.revoked !== undefined);
  redis.thaw();
  await Promise.all(answers);
  if (early.length > 0) throw new DidNotHappen('a revocation was answered while Redis stood still');
}

/** Waits until all of them are closed, for much longer than that may take. */
async function settled({ pass }: Scene, holders: readonly Holder[]): Promise<void> {
  const deadline = Date.now() + CLOSED_WITHIN_MS;
  while (holders.some(({ closed }) => closed.length === 0) && Date.now() < deadline) await pass(100);
}
