import { CommanderError } from 'commander';
import { type Bounds, capacityFor } from './bounds.ts';
import { CallRefused, Unreachable } from './control-answer.ts';
import { describeError } from './describe-error.ts';
import { command, typedOptions } from './options.ts';
import { checkPlan } from './plan.ts';
import type { ProgressDisplay } from './progress.ts';
import { type Colors, reportText } from './report-text.ts';
import { runLoad } from './run.ts';
import { openTarget } from './target.ts';

export const exitCodes = { flawless: 0, faulty: 1, badArguments: 2, unreachable: 3, interrupted: 130 } as const;

export interface Surroundings {
  bounds: Bounds;
  /** For the report; colours as this stream takes them. */
  print: (text: string) => void;
  colors: Colors;
  /** For what goes on meanwhile, and for what went wrong. */
  display: ProgressDisplay;
  signal: AbortSignal;
}

/** The whole tool: from its arguments to its exit code. */
export async function load(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { bounds, print, colors, display, signal } = surroundings;
  const parsed = command();
  try {
    parsed.parse([...args], { from: 'user' });
  } catch (error) {
    // Commander has said what is wrong, or printed its help.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.flawless : exitCodes.badArguments;
    throw error;
  }
  const checked = checkPlan(typedOptions(parsed));
  if (!checked.ok) return refuse(checked.faults, display);
  const { plan } = checked;
  const capacity = capacityFor(plan.clients, bounds);
  if (typeof capacity === 'string') return refuse([`--clients: ${capacity}`], display);

  try {
    await using target = await openTarget(plan, plan.edges ?? capacity.edges, (line) => display.say(line));
    const report = await runLoad({ plan, target, workers: capacity.workers, display, signal });
    print(plan.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report, colors));
    return report.ok ? exitCodes.flawless : exitCodes.faulty;
  } catch (error) {
    if (signal.aborted) {
      display.say('Interrupted.');
      return exitCodes.interrupted;
    }
    if (plan.installation !== null && error instanceof CallRefused && error.status === 403) {
      return refuse([`--key: ${error.message}`], display);
    }
    display.say(describeError(error));
    return error instanceof Unreachable ? exitCodes.unreachable : exitCodes.faulty;
  }
}

function refuse(faults: readonly string[], display: ProgressDisplay): number {
  for (const fault of faults) display.say(fault);
  return exitCodes.badArguments;
}
