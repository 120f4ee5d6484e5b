import { CallRefused } from '@holdfast/harness/retry';
import { Unreachable } from '@holdfast/harness/http-pool';
import { type Surroundings, exitCodes, runTool } from '@holdfast/harness/program';
import type { ProgressDisplay } from '@holdfast/harness/progress';
import { type Bounds, capacityFor } from './bounds.ts';
import type { RunOptions } from './conduct.ts';
import { type PresencePlan, checkPlan, command, typedOptions } from './plan.ts';
import { presenceReportText } from './presence/report-text.ts';
import { runPresence } from './presence/run.ts';
import { reportText } from './report-text.ts';
import { runLoad } from './run.ts';
import { openTarget } from './target.ts';

/** The whole tool: from its arguments to its exit code. */
export function load(args: readonly string[], surroundings: Surroundings & { bounds: Bounds }): Promise<number> {
  const { bounds, print, colors, display, signal } = surroundings;
  const read = () => checkPlan(typedOptions(command().parse([...args], { from: 'user' })));
  const deliveries = async (options: RunOptions) => {
    const report = await runLoad(options);
    return { ok: report.ok, text: options.plan.json ? jsonText(report) : reportText(report, colors) };
  };
  const presence = async (options: RunOptions, presencePlan: PresencePlan) => {
    const report = await runPresence(options, presencePlan);
    return { ok: report.ok, text: options.plan.json ? jsonText(report) : presenceReportText(report, colors) };
  };
  const run = async (checked: ReturnType<typeof read>): Promise<number> => {
    if (!checked.ok) return refuse(checked.faults, display);
    const { plan } = checked;
    const capacity = capacityFor(plan.clients, bounds);
    if (typeof capacity === 'string') return refuse([`--clients: ${capacity}`], display);
    try {
      await using target = await openTarget(plan, plan.edges ?? capacity.edges, (line) => display.log(line));
      const options = { plan, target, workers: capacity.workers, display, signal };
      const { ok, text } = await (plan.presence === null ? deliveries(options) : presence(options, plan.presence));
      print(text);
      return ok ? exitCodes.ok : exitCodes.failed;
    } catch (error) {
      if (signal.aborted) throw error;
      const message = error instanceof Error ? error.message : String(error);
      if (plan.installation !== null && error instanceof CallRefused && error.status === 403) {
        return refuse([`--key: ${message}`], display);
      }
      display.log(message);
      return error instanceof Unreachable ? exitCodes.unreachable : exitCodes.failed;
    }
  };
  return runTool(surroundings, read, run, 'Interrupted.');
}

function refuse(faults: readonly string[], display: ProgressDisplay): number {
  for (const fault of faults) display.log(fault);
  return exitCodes.badArguments;
}

function jsonText(report: object): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}
