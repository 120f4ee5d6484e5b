import type { Fault } from '../fault.ts';
import type { Service } from '../installation/service.ts';

const BETWEEN_MS = 2500;
/** An hour, less what passes meanwhile. */
const FAR_MS = 3_000_000;

export const clockJump: Fault = {
  name: 'clock-jump',
  proves: 'The clocks of all services jump an hour ahead, then two hours back: nobody loses anything by it.',
  quick: false,
  needs: { jumpingClocks: true },
  connectionsStay: true,
  recoversWithinMs: 5000,
  inject: async ({ installation, now, pass, until }) => {
    const services = [...installation.controls, ...installation.edges];
    const brokenAt = now();
    for (const isThere of [(ms: number) => ms > FAR_MS, (ms: number) => ms < -FAR_MS]) {
      for (const service of services) service.signal('SIGUSR2');
      await until('the clocks jump', () => services.every((service) => isThere(shiftOf(service))));
      await pass(BETWEEN_MS);
    }
    const proof = `the clocks of ${services.length} services jumped by 1 h, and then by -2 h`;
    return { proof, brokenAt, healedAt: brokenAt };
  },
};

/** How far a service's clock is ahead of ours, by the last word it said of it, in milliseconds. */
function shiftOf(service: Service): number {
  const said = service.lines().findLast((line) => line.startsWith('{"msg":"the clock jumped"'));
  if (said === undefined) return 0;
  return (JSON.parse(said) as { now: number }).now - Date.now();
}
