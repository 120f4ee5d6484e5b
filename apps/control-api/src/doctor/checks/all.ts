import type { DoctorFacts } from '../facts.ts';
import type { Finding } from '../finding.ts';
import { checkBalancers } from './balancer.ts';
import { checkClocks } from './clocks.ts';
import { checkControlApi } from './control-api.ts';
import { checkEdgeReports } from './edge-reports.ts';
import { checkEdges } from './edges.ts';
import { checkRedisServer } from './redis-server.ts';
import { checkRedisTopology } from './redis-topology.ts';
import { checkSystems } from './system.ts';

/** Every check, in the order in which things depend on each other. */
export function allChecks(facts: DoctorFacts): Finding[] {
  return [
    ...checkRedisTopology(facts),
    ...facts.redis.servers.flatMap(checkRedisServer),
    ...checkEdges(facts),
    ...checkEdgeReports(facts),
    ...checkBalancers(facts),
    ...checkClocks(facts),
    ...checkSystems(facts),
    ...checkControlApi(facts),
  ];
}
