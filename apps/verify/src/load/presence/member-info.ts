import type { Run } from '../identity.ts';

/** Bytes of an info as JSON: a name and a little more. */
const INFO_BYTES = 50;

/** The info with which a client of a run registers: it says which client a member is, whose id only the edges know. */
export function infoOf(run: Run, client: number): { n: number; name: string } {
  const bytesBeside = JSON.stringify({ n: client, name: '' }).length;
  return { n: client, name: `load.${run.id}.${client}`.padEnd(INFO_BYTES - bytesBeside, '-') };
}

/** The number of the client with this info; undefined when none of the run has it. */
export function clientWithInfo(run: Run, info: unknown): number | undefined {
  const n: unknown = (info as { n?: unknown } | null)?.n;
  if (typeof n !== 'number') return undefined;
  return JSON.stringify(info) === JSON.stringify(infoOf(run, n)) ? n : undefined;
}
