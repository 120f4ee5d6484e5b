import { saveFile, startEmpty } from '../installation/databases.ts';
import { setTimeout as delay } from 'node:timers/promises';
import type { Company } from '../actors/company.ts';
import type { Installation } from '../installation/installation.ts';
import { askEach } from '../installation/servers.ts';
import { monotonicMs } from '@holdfast/harness/clock';
import { type FaultName, type Operation, cast, topicName } from './operations.ts';

const HOUR_S = 3600;
/** So long a byte takes to or from Redis where the way is slow. */
const SLOW_MS = 300;

type Blow = Extract<Operation, { do: 'fault' }>;

/** Creates every topic of a run that is not there. */
export async function createTopics(company: Company): Promise<void> {
  for (const [topic, size] of cast.sizes.entries()) await company.topic(topicName(topic), size);
}

/** Breaks something and mends it again, as the plan has it. Gives what it came to, or why it could not happen. */
export async function inflict(installation: Installation, company: Company, blow: Blow): Promise<string> {
  const from = monotonicMs();
  const detail = await blows[blow.fault](installation, blow, company);
  company.history.record({ kind: 'fault', name: blow.fault, from, to: monotonicMs(), detail });
  return detail;
}

const blows: Record<FaultName, (installation: Installation, blow: Blow, company: Company) => Promise<string>> = {
  'edge-freeze': async ({ edges }, { edge, ms }) => {
    const victim = partOf(edges, edge);
    victim.freeze();
    await delay(ms);
    victim.thaw();
    return `${victim.name} stood still for ${ms} ms`;
  },
  'edge-kill': async ({ edges }, { edge, ms }) => {
    const victim = partOf(edges, edge);
    await victim.crash();
    await delay(ms);
    await victim.startAgain();
    return `${victim.name} was killed, and started again ${ms} ms later`;
  },
  'edge-restart': async ({ edges }, { edge }) => {
    const victim = partOf(edges, edge);
    const code = (await victim.stop()).code;
    await victim.startAgain();
    return `${victim.name} ended with ${code} after SIGTERM, and started again`;
  },
  'control-kill': async ({ controls }, { control }) => {
    const victim = partOf(controls, control);
    await victim.crash();
    await victim.startAgain();
    return `${victim.name} was killed, and started again`;
  },
  'redis-freeze': async ({ redis }, { ms }) => {
    redis.freeze();
    await delay(ms);
    redis.thaw();
    return `Redis stood still for ${ms} ms`;
  },
  'redis-kill': async ({ redis }, { ms }) => {
    await redis.crash();
    await delay(ms);
    await redis.startAgain();
    return `Redis was killed, and came back ${ms} ms later with all its data`;
  },
  'redis-rollback': async ({ redis }, { ms }, { history }) => {
    const savedFrom = monotonicMs();
    const startRolledBack = await saveFile(redis);
    const savedTo = monotonicMs();
    await delay(ms);
    await redis.crash();
    history.record({ kind: 'forgot', savedFrom, savedTo, lostAt: monotonicMs() });
    await startRolledBack();
    return `Redis came back without its last ${ms} ms`;
  },
  'redis-empty': async ({ redis }, _blow, company) => {
    await redis.crash();
    company.history.record({ kind: 'forgot', savedFrom: 0, savedTo: 0, lostAt: monotonicMs() });
    await startEmpty(redis);
    await createTopics(company);
    return 'Redis came back empty';
  },
  // Back, and never on again: what has a time to live would be over at once.
  'redis-clock': async ({ databases }) => {
    const { clock } = databases;
    if (clock === null) throw new Error('this Redis has no clock that can be set');
    await clock.set(clock.seconds() - HOUR_S);
    return `the clock of Redis is ${-clock.seconds()} s behind`;
  },
  'service-clocks': async ({ controls, edges }) => {
    for (const service of [...controls, ...edges]) service.kill('SIGUSR2');
    return 'the clocks of all services jumped by hours';
  },
  'subscribers-cut': async ({ databases }) => {
    const killed = await killClients(databases.masters, 'pubsub');
    return `Redis cut ${killed} subscribers`;
  },
  'callers-cut': async ({ databases }) => {
    const killed = await killClients(databases.masters, 'normal');
    return `Redis cut ${killed} connections that ask`;
  },
  'scripts-flushed': async ({ databases }) => {
    await askEach(databases.masters, 'SCRIPT', 'FLUSH', 'SYNC');
    return 'Redis forgot its scripts';
  },
  'edge-cut-off': async ({ proxies }, { edge, ms }) => {
    const way = partOf(proxies.edgesToRedis, edge);
    way.blackHole();
    await delay(ms);
    way.heal();
    way.cut();
    return `nothing got between edge ${edge + 1} and Redis for ${ms} ms; ${way.bytesSwallowed()} bytes were swallowed so far`;
  },
  'edge-slow': ({ proxies }, { edge, ms }) => slowly(partOf(proxies.edgesToRedis, edge), `edge ${edge + 1}`, ms),
  'control-slow': ({ proxies }, { control, ms }) =>
    slowly(partOf(proxies.controlsToRedis, control), `control-api ${control + 1}`, ms),
};

async function slowly(
  way: { delay: (ms: number) => void; heal: () => void },
  name: string,
  ms: number,
): Promise<string> {
  way.delay(SLOW_MS);
  await delay(ms);
  way.heal();
  return `every byte between ${name} and Redis took ${SLOW_MS} ms, for ${ms} ms`;
}

async function killClients(masters: Installation['databases']['masters'], type: string): Promise<number> {
  const counts = await askEach(masters, 'CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
  return counts.map(Number).reduce((sum, count) => sum + count, 0);
}

function partOf<T>(parts: readonly T[], number: number): T {
  const part = parts[number % parts.length];
  if (part === undefined) throw new Error('an installation has edges and control-apis');
  return part;
}
