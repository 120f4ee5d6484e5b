import { forEachBounded } from '@holdfast/harness/bounded';
import { type Surroundings, exitCodes, runTool } from '@holdfast/harness/program';
import { heartbeat } from '@holdfast/harness/progress';
import { redisProgram } from '@holdfast/local/redis';
import { type Door, nativeDoor, pusherDoor } from './door.ts';
import type { Fault } from './fault.ts';
import { catalog } from './faults/catalog.ts';
import { type Plan, readPlan } from './plan.ts';
import { proveRandom } from './random-run/prove-random.ts';
import { type Report, reportText } from './report.ts';
import type { RowBasics } from './row.ts';

/** The whole tool: from its arguments to its exit code. */
export function prove(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { print, colors, display, signal } = surroundings;
  const run = async (plan: Plan): Promise<number> => {
    if (plan.list) {
      for (const { name, proves, quick } of plan.faults) print(`${name}${quick ? ' (quick)' : ''}\n    ${proves}\n`);
      return exitCodes.ok;
    }
    using pulse = heartbeat((line) => display.log(line));
    if (plan.random) {
      const holds = await proveRandom(plan, { print, colors, signal, log: pulse.log });
      return holds ? exitCodes.ok : exitCodes.failed;
    }
    const runFaults = async <F extends Fault, R extends RowBasics>(door: Door<F, R>, faults: readonly F[]) => {
      const report = await runAll(door, faults, plan, pulse.log, signal);
      print(plan.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report, door.columns, colors));
      return report.ok ? exitCodes.ok : exitCodes.failed;
    };
    return plan.door === 'native' ? runFaults(nativeDoor, plan.faults) : runFaults(pusherDoor, plan.faults);
  };
  return runTool(surroundings, () => readPlan(args, catalog), run);
}

async function runAll<F extends Fault, R extends RowBasics>(
  door: Door<F, R>,
  faults: readonly F[],
  plan: Plan,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<Report<R>> {
  // A Redis that is to be killed must be one of ours, so REDIS_URL is not looked at.
  const binary = await redisProgram({ announce: log });
  const runs = faults.flatMap((fault) =>
    Array.from({ length: plan.repeat }, (_, index) => ({ fault, seed: plan.seed + index })),
  );
  const rows: R[] = [];
  await forEachBounded(runs, plan.scale.sideBySide, async ({ fault, seed }, index) => {
    signal.throwIfAborted();
    const logRun = (line: string) => log(`[${index + 1}/${runs.length}] ${fault.name}: ${line}`);
    const scale = fault.scale?.(plan.scale) ?? plan.scale;
    const row = await door.run({ fault, scale, redis: plan.redis, seed, binary, log: logRun, signal });
    if (row.latencyMs !== undefined) {
      const { usual, meanwhile } = row.latencyMs;
      logRun(`the median delivery took ${meanwhile} ms meanwhile, and ${usual} ms as usual`);
    }
    const { watchers, joined, left, resumed, rightAfterMs } = row.presence;
    logRun(
      `presence: ${watchers} watchers were shown ${joined} joins and ${left} leaves; ${resumed} members were back in time; ` +
        `all right ${(rightAfterMs / 1000).toFixed(1)} s after`,
    );
    logRun(`${row.verdict === 'ok' ? 'ok' : row.verdict.toUpperCase()} after ${row.seconds} s`);
    for (const sentence of row.broken) logRun(sentence);
    // In the order of the catalogue, whichever ends first.
    rows[index] = row;
  });
  return {
    ok: rows.every((row) => row.ok),
    door: plan.door,
    profile: plan.profile,
    redis: plan.redis,
    seed: plan.seed,
    rows,
  };
}
