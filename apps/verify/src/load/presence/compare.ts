import type { Run } from '../identity.ts';
import type { PresenceFaultKind } from './findings.ts';
import { clientWithInfo } from './member-info.ts';

export interface Difference {
  kind: Extract<PresenceFaultKind, 'missing' | 'notPresent' | 'wrongInfo'>;
  detail: string;
}

/** What is wrong in a map of members, when exactly these clients of a run are present. */
export function differences(
  run: Run,
  members: ReadonlyMap<string, unknown>,
  present: ReadonlySet<number>,
): Difference[] {
  const found: Difference[] = [];
  const seen = new Set<number>();
  for (const [id, info] of members) {
    const client = clientWithInfo(run, info);
    if (client === undefined) found.push({ kind: 'wrongInfo', detail: `${id}: ${JSON.stringify(info)}` });
    else if (!present.has(client)) found.push({ kind: 'notPresent', detail: `${id}, client ${client}` });
    else if (seen.has(client)) found.push({ kind: 'notPresent', detail: `${id}, client ${client} once more` });
    else seen.add(client);
  }
  for (const client of present) {
    if (!seen.has(client)) found.push({ kind: 'missing', detail: `client ${client}` });
  }
  return found;
}
