import type { DoctorFacts } from '../facts.ts';
import { type Finding, type Subject, fail, ok, unknown, warn } from '../finding.ts';
import { edgeName } from './edges.ts';

/** Far more than NTP leaves; ids of messages are times of Redis, and latencies are measured from them. */
const WARN_MS = 1_000;
/** A third of the leeway that tokens have. */
const FAIL_MS = 10_000;

const clocks: Subject = {
  id: 'clocks',
  why: 'Ids of messages are times of Redis, and tokens end by the clocks of the services, with 30 s of leeway',
};
const ADVICE = 'Run NTP (chrony, systemd-timesyncd) on this machine, and on that of Redis';

/** How far clocks are apart, each service's from that of Redis. */
export function checkClocks({ redis, edges }: DoctorFacts): Finding[] {
  const ofControl = redis.servers.map(({ address, clock }) => {
    const where = `this control-api and redis ${address}`;
    return 'value' in clock
      ? judged(where, -clock.value.aheadMs)
      : unknown(clocks, where, clock.refused, 'Grant +time');
  });
  const ofEdges = (edges ?? []).flatMap((edge) => {
    const ms = edge.load?.clockDifferenceMs;
    return ms === undefined ? [] : [judged(edgeName(edge), ms)];
  });
  return [...ofControl, ...ofEdges];
}

/** @param ms the clock of the service less that of Redis */
function judged(where: string, ms: number): Finding {
  const apart = Math.abs(Math.round(ms));
  if (apart < WARN_MS) return ok(clocks, where, `less than ${WARN_MS} ms from Redis`);
  const seen = `${apart} ms ${ms > 0 ? 'ahead of' : 'behind'} Redis`;
  return apart < FAIL_MS ? warn(clocks, where, seen, ADVICE) : fail(clocks, where, seen, ADVICE);
}
