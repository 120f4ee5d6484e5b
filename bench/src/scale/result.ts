import type { Machine } from '../machine.ts';
import type { ScalePlan } from './command-line.ts';
import type { Change } from './limits.ts';
import type { MemoryMap } from './memory.ts';

/** CPU of a phase, in seconds. */
export interface Cpu {
  edges: number;
  controls: number;
  redis: number;
  generators: number;
}

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
  /** Before the first registration, with everybody registered, and with everybody connected. */
  memory: { start: MemoryMap; registered: MemoryMap; connected: MemoryMap; end: MemoryMap };
  /** Clients of the edge that was killed, and the seconds until the last was back. */
  returned: { clients: number; seconds: number };
}
