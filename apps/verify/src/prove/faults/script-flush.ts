import { DidNotHappen, type Fault } from '../fault.ts';
import { askEach, errorCount, infoSum } from '../installation/servers.ts';

export const scriptFlush: Fault = {
  name: 'script-flush',
  proves: 'SCRIPT FLUSH: scripts that Redis no longer knows are sent again, and nobody notices.',
  quick: true,
  connectionsStay: true,
  recoversWithinMs: 5000,
  inject: async ({ installation, now, until }) => {
    const { masters } = installation.databases;
    const missed = () => errorCount(masters, 'NOSCRIPT');
    const [before, known] = [await missed(), await infoSum(masters, 'number_of_cached_scripts')];
    if (known === 0) throw new DidNotHappen('Redis knew no script');
    const brokenAt = now();
    await askEach(masters, 'SCRIPT', 'FLUSH', 'SYNC');
    await until('somebody asks for a script that is gone', async () => (await missed()) > before);
    return {
      proof: `${known} scripts were flushed, and ${await missed()} calls asked in vain`,
      brokenAt,
      healedAt: now(),
    };
  },
};
