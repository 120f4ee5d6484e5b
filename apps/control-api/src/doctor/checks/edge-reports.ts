import type { EdgeDetails } from '@holdfast/broker/edge-state';
import type { DoctorFacts } from '../facts.ts';
import { type Finding, type Subject, ok, warn } from '../finding.ts';
import { edgeName } from './edges.ts';

const reports: Subject = {
  id: 'edge-reports',
  why: 'Other checks leave out what an edge does not report: an edge that they do not name may not be well',
};

/** What other checks judge of an edge, and how it is read; undefined: not reported. */
const LOOKED_AT: Readonly<Record<string, (edge: EdgeDetails) => unknown>> = {
  'loopback probe': ({ load }) => load?.probeSilenceMs,
  'event loop': ({ load }) => load?.eventLoopDelayMs,
  clock: ({ load }) => load?.clockDifferenceMs,
  origins: ({ facts }) => facts?.origins,
  'trusted proxies': ({ facts }) => facts?.trustedProxies,
  machine: ({ facts }) => facts?.system,
};

/** Whether the edges report what is judged; of one that has just started the clock is not known yet. */
export function checkEdgeReports({ edges }: DoctorFacts): Finding[] {
  if (edges === null || edges.length === 0) return [];
  const silent = edges.filter((edge) => missingOf(edge).length > 0);
  if (silent.length === 0) return [ok(reports, null, 'every edge reports all that is looked at')];
  const missing = new Set(silent.flatMap(missingOf));
  return [
    warn(
      reports,
      silent.map(edgeName).join(', '),
      `not reported: ${[...missing].join(', ')}`,
      'Bring them to the version of this control-api; one that has just started reports all within seconds',
    ),
  ];
}

function missingOf(edge: EdgeDetails): string[] {
  return Object.keys(LOOKED_AT).filter((name) => LOOKED_AT[name]?.(edge) === undefined);
}
