import { DEFAULT_PATIENCE_MS } from './judge/patience.ts';
import { type StepFailure, play } from './judge/play.ts';
import { Stage } from './judge/stage.ts';
import type { Scenario } from './scenario/scenario.ts';

export interface RunOptions {
  scenarios: readonly Scenario[];
  /** The program of a driver, and its arguments; one for all scenarios, or one for each. */
  command: readonly string[] | ((scenario: Scenario) => readonly string[]);
  /** How many run side by side. They mostly wait. */
  parallel?: number;
  /** How long a client may take for what has no time of its own, in milliseconds. */
  patienceMs?: number;
  onVerdict?: (verdict: Verdict) => void;
}

export interface Verdict {
  readonly scenario: Scenario;
  /** Absent: the client does what the scenario demands. */
  readonly failure: StepFailure | undefined;
  readonly ms: number;
}

export const DEFAULT_PARALLEL = 8;

/** Runs scenarios against the driver of an SDK. Gives a verdict for each, in their order. */
export async function runScenarios(options: RunOptions): Promise<Verdict[]> {
  const { scenarios, parallel = DEFAULT_PARALLEL } = options;
  const verdicts = new Map<Scenario, Verdict>();
  const waiting = scenarios.values();
  const work = async (): Promise<void> => {
    for (const scenario of waiting) {
      const verdict = await runScenario(scenario, options);
      verdicts.set(scenario, verdict);
      options.onVerdict?.(verdict);
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, scenarios.length) }, work));
  return scenarios.flatMap((scenario) => verdicts.get(scenario) ?? []);
}

async function runScenario(
  scenario: Scenario,
  { command, patienceMs = DEFAULT_PATIENCE_MS }: RunOptions,
): Promise<Verdict> {
  const began = performance.now();
  const program = typeof command === 'function' ? command(scenario) : command;
  await using stage = await Stage.set({ scenario, command: program, patienceMs });
  const failure = await play(scenario, stage);
  return { scenario, failure, ms: Math.round(performance.now() - began) };
}
