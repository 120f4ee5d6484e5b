import { callAtRate } from '@holdfast/harness/pacing';
import { TokenInstallation } from '../peers/holdfast-tokens.ts';
import type { Peer } from '../peers/peer.ts';
import type { Figures, Measure } from './measure.ts';

const TOPIC = 1;
const WARM_UP_MESSAGES = 3;
const BACK_WITHIN_MS = 120_000;
const COMING_BACK = [
  ['reconnect', '1'],
  ['backoff-ms', '250'],
] as const;
/** Past this a control-api does not keep up, and later calls begin late. */
const RENEWALS_UNDER_WAY = 200;

/** Measure i: clients that register themselves with tokens, the death of their edge, and the renewal of tokens. */
export const tokens: Measure = {
  name: 'tokens',
  title: 'Tokens',
  about: ({ tokens: { clients, byKey, renewalsPerSecond, seconds } }) =>
    `${clients} clients (or as many as a process may have) register with a token each (ES256), beside ${byKey} by API key; they connect to one edge, which is ` +
    `killed with SIGKILL; then ${renewalsPerSecond} of them a second register again with new tokens, for ${seconds} s, all at one control-api`,
  metrics: () => [
    { id: 'registerControl', title: 'control-api a registration', unit: 'µs', better: 'less' },
    { id: 'byKeyControl', title: 'by API key', unit: 'µs', better: 'less' },
    { id: 'seconds', title: 'until all are back', unit: 's', better: 'less' },
    { id: 'verified', title: 'tokens verified meanwhile', unit: '', better: 'less' },
    { id: 'renewRate', title: 'renewals', unit: '/s', better: 'more' },
    { id: 'renewControl', title: 'control-api a renewal', unit: 'µs', better: 'less' },
    { id: 'renewRedis', title: 'Redis', unit: 'µs', better: 'less' },
    { id: 'renewP99', title: 'p99', unit: 'ms', better: 'less' },
  ],
  onlyHoldfast: true,
  run: async (_peer, context) => {
    const { clients, byKey } = context.amounts.tokens;
    const layout = { connections: Math.min(clients, context.perProcess), topicsOf: () => [TOPIC] };
    let registering: Figures = {};
    let started: TokenInstallation | undefined;
    const peer: Peer = {
      name: 'holdfast',
      description: 'clients of tokens',
      prepare: async () => ({ version: '' }),
      start: async (_layout, peerContext) => {
        const installation = await TokenInstallation.start(layout, peerContext);
        started = installation;
        const running = installation.runningFor(layout);
        try {
          const all = installation.tokens(layout.connections);
          registering = {
            ...(await controlCost('byKey', installation, byKey, () => installation.registerByKey(byKey))),
            ...(await controlCost('register', installation, all.length, () => installation.registerAll(all))),
          };
        } catch (error) {
          await running.stop();
          throw error;
        }
        return running;
      },
    };
    await using session = await context.openSession(peer, layout, COMING_BACK);
    if (started === undefined) throw new Error('the session has started its server');
    await session.open();
    await session.broadcast(TOPIC, WARM_UP_MESSAGES);
    await session.generators.reset();

    const verifiedBefore = await started.verifications();
    const killedAt = Number(process.hrtime.bigint());
    await session.running.killAndReplace();
    const back = await session.generators.waitReturned(() => true, BACK_WITHIN_MS);
    if (back.readied < layout.connections) {
      throw new Error(`${back.readied} of ${layout.connections} clients came back within ${BACK_WITHIN_MS / 1000} s`);
    }
    const verified = (await started.verifications()) - verifiedBefore;
    return {
      ...registering,
      seconds: (back.readyAt - killedAt) / 1e9,
      verified,
      ...(await renewals(started, layout.connections, context)),
    };
  },
};

/** Microseconds of control-api for each of so many calls. */
async function controlCost(
  id: string,
  installation: TokenInstallation,
  calls: number,
  work: () => Promise<void>,
): Promise<Figures> {
  const before = await installation.cpu();
  await work();
  const after = await installation.cpu();
  return { [`${id}Control`]: ((after.control - before.control) / calls) * 1e6 };
}

async function renewals(
  installation: TokenInstallation,
  clients: number,
  {
    amounts: {
      tokens: { renewalsPerSecond, seconds },
    },
    signal,
  }: Parameters<Measure['run']>[1],
): Promise<Figures> {
  const total = renewalsPerSecond * seconds;
  const fresh = installation.tokens(Math.min(clients, total));
  const took: number[] = [];
  const before = await installation.cpu();
  const startedAt = performance.now();
  await callAtRate({
    rate: renewalsPerSecond,
    total: fresh.length,
    limit: RENEWALS_UNDER_WAY,
    begin: async (client) => {
      const begunAt = performance.now();
      await installation.register(client, fresh[client] ?? '');
      took.push(performance.now() - begunAt);
    },
    signal,
  });
  const elapsed = (performance.now() - startedAt) / 1000;
  const after = await installation.cpu();
  const sorted = took.toSorted((a, b) => a - b);
  return {
    renewRate: fresh.length / elapsed,
    renewControl: ((after.control - before.control) / fresh.length) * 1e6,
    renewRedis: ((after.redis - before.redis) / fresh.length) * 1e6,
    renewP99: sorted[Math.floor(sorted.length * 0.99)] ?? null,
  };
}
