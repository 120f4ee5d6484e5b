import { hash, randomBytes } from 'node:crypto';

/** What tells one run from all others. */
export interface Run {
  /** In its topics' names and its payloads. */
  id: string;
  /** From which its clients' ids follow: who has it can act for all of them. */
  secret: string;
}

export function newRun(): Run {
  return { id: randomBytes(4).toString('hex'), secret: randomBytes(16).toString('hex') };
}

/** `load.<run>.<n>` */
export function topicNames(run: Run, topics: number): string[] {
  return Array.from({ length: topics }, (_, index) => `load.${run.id}.${index}`);
}

/**
 * The id with which a client registers. It follows from the run's secret (122 bits of a keyed hash), so that a process
 * that died leaves no client behind whose id nobody knows, and a registration without an answer can be repeated.
 */
export function clientIdOf(run: Run, client: number): string {
  const hex = hash('sha256', `${run.secret}/${client}`, 'hex');
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
