import { setTimeout as delay } from 'node:timers/promises';
import { WorkerPool } from '@holdfast/harness/worker-pool';
import type { HoldfastInstallation } from '../../peers/holdfast-installation.ts';

/** What the sockets of an attack do, over and over, until it is ended. Texts are bytes (latin1). */
export interface Flood {
  port: number;
  /** For each socket what it sends first, and whose answer it awaits: a handshake; empty: nothing. */
  openings: readonly string[];
  /** Sent once after that; empty: nothing. */
  once: string;
  /** Sent from then on, one after the other; none: nothing. */
  requests: readonly string[];
  /** How many requests are sent before there is an answer; null: as many as the socket takes. */
  ahead: number | null;
  reads: boolean;
  /** After how many milliseconds a socket closes and connects anew; null: when the server closes it. */
  closesAfterMs: number | null;
}

/** What the process of an attack is asked to do. */
export interface AttackCalls {
  /** Goes on until the process is ended. */
  attack: { ask: Flood; answer: void };
}

/** One kind of hostile caller or client. */
export interface Attacker {
  /** The beginning of its figures' ids. */
  id: string;
  title: string;
  /** Makes what the attack needs, and returns what it does. */
  prepare: (installation: HoldfastInstallation) => Promise<Flood>;
}

/** So many sockets that send nothing and read. */
export function sockets(port: number, count: number): Flood {
  const openings = Array.from({ length: count }, () => '');
  return { port, openings, once: '', requests: [], ahead: null, reads: true, closesAfterMs: null };
}

/** Does some work while an attack goes on in a process of its own. */
export async function whileAttacked<T>(flood: Flood, work: () => Promise<T>): Promise<T> {
  await using workers = new WorkerPool<AttackCalls, null>(1, { module: new URL('flood-main.ts', import.meta.url) });
  await workers.all('attack', flood);
  return await work();
}

/** Calls at a rate, whatever the calls take: what waits behind something slow is late as well. Returns how many failed. */
export async function atRate(
  { rate, seconds }: { rate: number; seconds: number },
  call: (number: number) => Promise<void>,
): Promise<number> {
  const startedAt = performance.now();
  const calls = Array.from({ length: rate * seconds }, async (_, number) => {
    await delay(Math.max(0, startedAt + (number * 1000) / rate - performance.now()));
    await call(number);
  });
  return (await Promise.allSettled(calls)).filter(({ status }) => status === 'rejected').length;
}

/** The value below which a share of the values lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
