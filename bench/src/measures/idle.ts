import { setTimeout as delay } from 'node:timers/promises';
import type { Measure } from './measure.ts';

/** What it costs to hold connections on which nothing is sent but pings. */
export const idle: Measure = {
  name: 'idle',
  title: 'Idle',
  about: ({ idle: { connections, restSeconds, seconds } }) =>
    `${connections} connections for ${seconds} s, pings included, ${restSeconds} s after they have come`,
  metrics: () => [
    { id: 'core', title: 'of a core for 10,000 connections', unit: '%', better: 'less' },
    { id: 'others', title: 'elsewhere', unit: '%', better: 'less' },
  ],
  run: async (peer, { amounts, openSession, signal }) => {
    const { connections, restSeconds, seconds } = amounts.idle;
    await using session = await openSession(peer, { connections, topicsOf: () => [1] });
    await session.open();
    await delay(restSeconds * 1000, undefined, { signal });
    const before = await session.usage();
    await delay(seconds * 1000, undefined, { signal });
    const after = await session.usage();
    const elapsed = Number(after.at - before.at) / 1e9;
    const share = (cpu: number) => ((cpu / elapsed) * 100 * 10_000) / connections;
    return { core: share(after.cpu - before.cpu), others: share(after.otherCpu - before.otherCpu) };
  },
};
