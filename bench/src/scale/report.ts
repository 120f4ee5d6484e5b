import { tableLines } from '@holdfast/harness/table';
import type { Machine } from '../machine.ts';
import type { ScalePlan } from './command-line.ts';
import type { Change } from './limits.ts';
import { type Cpu, type MemoryMap, PAUSE_MS } from './setup.ts';

const MIB = 2 ** 20;

/** What was done, how long it took, and what it cost. */
export interface Phase {
  name: string;
  seconds: number;
  cpu: Cpu;
  deliveries: number;
  /** Milliseconds from before the publishing call to the arrival; null without deliveries. */
  latencyMs: { p50: number | null; p99: number | null; p999: number | null } | null;
  lost: number;
  duplicated: number;
}

export interface ScaleResult {
  at: string;
  machine: Machine;
  plan: ScalePlan;
  edges: number;
  generators: number;
  changed: readonly Change[];
  phases: Phase[];
  /** Before the first registration, with all clients registered, with all connected, and after the last phase. */
  memory: { start: MemoryMap; registered: MemoryMap; connected: MemoryMap; end: MemoryMap };
  /** Clients of the edge that was killed, and the seconds until the last was back. */
  returned: { clients: number; seconds: number };
}

/** The result for people. */
export function scaleText(result: ScaleResult): string {
  const { plan, machine, edges, generators, returned } = result;
  const gib = (machine.memoryBytes / 2 ** 30).toFixed(0);
  return [
    `${machine.processor}, ${machine.cores} cores, ${gib} GiB, Linux ${machine.kernel}, ${machine.system}, ${result.at}`,
    `${count(plan.connections)} clients with two topics each, on ${edges} edges, one control-api and one Redis; ` +
      `${generators} generators on the same machine, which look at their sockets every ${PAUSE_MS} ms.`,
    ...result.changed.map(({ name, from, to }) => `${name} was ${from}, and ${to} for this run.`),
    '',
    'Where memory went, MiB, and bytes a connection:',
    ...memoryLines(result),
    '',
    'Where time went (CPU in seconds):',
    ...phaseLines(result.phases),
    '',
    `An edge was killed: its ${count(returned.clients)} clients were back after ${returned.seconds.toFixed(1)} s.`,
    '',
  ].join('\n');
}

const PLACES: readonly [keyof MemoryMap, string][] = [
  ['edges', 'edges (Pss)'],
  ['controls', 'control-api (Pss)'],
  ['redis', 'Redis (Pss)'],
  ['kernelObjects', 'kernel: sockets of both ends'],
  ['kernelBuffers', 'kernel: buffers of TCP'],
  ['generators', 'generators (Pss)'],
  ['harness', 'this program'],
  ['available', 'available'],
];

function memoryLines({ memory, plan }: ScaleResult): string[] {
  const { start, registered, connected, end } = memory;
  const rows = PLACES.map(([place, title]) => [
    title,
    ...[start, registered, connected, end].map((map) => count(Math.round(map[place] / MIB))),
    count(Math.round((connected[place] - start[place]) / plan.connections)),
  ]);
  return tableLines(['', 'at the start', 'registered', 'connected', 'at the end', 'B a connection'], rows);
}

function phaseLines(phases: readonly Phase[]): string[] {
  const rows = phases.map(({ name, seconds, cpu, deliveries, latencyMs, lost, duplicated }) => [
    name,
    seconds.toFixed(1),
    ...[cpu.edges, cpu.controls, cpu.redis, cpu.generators].map((used) => used.toFixed(1)),
    count(deliveries),
    inMs(latencyMs?.p50),
    inMs(latencyMs?.p99),
    inMs(latencyMs?.p999),
    String(lost),
    String(duplicated),
  ]);
  const heading = ['', 'seconds', 'edges', 'control', 'Redis', 'generators', 'deliveries'];
  return tableLines([...heading, 'p50 ms', 'p99 ms', 'p99.9 ms', 'lost', 'twice'], rows);
}

function inMs(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : value.toFixed(1);
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
