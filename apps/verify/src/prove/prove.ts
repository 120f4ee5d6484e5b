import { forEachBounded } from '@holdfast/harness/bounded';
import { type Surroundings, exitCodes, runTool } from '@holdfast/harness/program';
import { heartbeat } from '@holdfast/harness/progress';
import { redisProgram } from '@holdfast/local/redis';
import type { Fault } from './fault.ts';
import { catalog } from './faults/catalog.ts';
import { type Plan, readPlan } from './plan.ts';
import { proveRandom } from './random-run/prove-random.ts';
import { type Report, reportText } from './report.ts';
import { type Row, failedRow, verdictOf } from './row.ts';
import { DidNotHappen, NotSetUp } from './not-run.ts';
import { runScenario } from './scenario.ts';

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
    const report = await runAll(plan, pulse.log, signal);
    print(plan.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report, colors));
    return report.ok ? exitCodes.ok : exitCodes.failed;
  };
  return runTool(surroundings, () => readPlan(args, catalog), run);
}

async function runAll(plan: Plan, log: (line: string) => void, signal: AbortSignal): Promise<Report> {
  // A Redis that is to be killed must be one of ours, so REDIS_URL is not looked at.
  const binary = await redisProgram({ announce: log });
  const runs = plan.faults.flatMap((fault) =>
    Array.from({ length: plan.repeat }, (_, index) => ({ fault, seed: plan.seed + index })),
  );
  const rows: Row[] = [];
  await forEachBounded(runs, plan.scale.sideBySide, async ({ fault, seed }, index) => {
    signal.throwIfAborted();
    const logRun = (line: string) => log(`[${index + 1}/${runs.length}] ${fault.name}: ${line}`);
    const row = await runOne({ ...plan, seed }, fault, binary, logRun, signal);
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
  return { ok: rows.every((row) => row.ok), profile: plan.profile, redis: plan.redis, seed: plan.seed, rows };
}

/** A fault that could not be set up, or carried through, is a line of the table as well: it proved nothing. */
async function runOne(
  plan: Plan,
  fault: Fault,
  binary: string,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<Row> {
  const startedAt = performance.now();
  const { seed, redis } = plan;
  const scale = fault.scale?.(plan.scale) ?? plan.scale;
  try {
    const facts = await runScenario({ fault, scale, redis, seed, binary, log, signal });
    return verdictOf(fault, facts, performance.now() - startedAt);
  } catch (error) {
    if (signal.aborted) throw error;
    const verdict = error instanceof NotSetUp || error instanceof DidNotHappen ? 'not run' : 'broken';
    const reason = error instanceof Error ? error.message : String(error);
    return failedRow(fault, verdict, reason, scale.members, performance.now() - startedAt);
  }
}
