import { redisProgram } from '@holdfast/local/redis';
import { CommanderError } from 'commander';
import { forEachBounded } from '@holdfast/harness/bounded';
import type { Fault } from './fault.ts';
import { catalog } from './faults/catalog.ts';
import { type Plan, readPlan } from './plan.ts';
import { type Colors, type Report, reportText } from './report.ts';
import { proveRandom } from './random-run/prove-random.ts';
import { type Row, verdictOf } from './row.ts';
import { runScenario } from './scenario.ts';

export const exitCodes = { proven: 0, broken: 1, badArguments: 2, interrupted: 130 } as const;

export interface Surroundings {
  /** For the report. */
  print: (text: string) => void;
  /** For what goes on meanwhile: a line for people. */
  say: (line: string) => void;
  colors: Colors;
  signal: AbortSignal;
}

/** The whole tool: from its arguments to its exit code. */
export async function prove(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { print, say, colors, signal } = surroundings;
  let plan: Plan;
  try {
    plan = readPlan(args, catalog);
  } catch (error) {
    // Commander has said what is wrong, or printed its help.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.proven : exitCodes.badArguments;
    throw error;
  }
  if (plan.list) {
    for (const { name, proves, quick } of plan.faults) print(`${name}${quick ? ' (quick)' : ''}\n    ${proves}\n`);
    return exitCodes.proven;
  }
  try {
    if (plan.random) return (await proveRandom(plan, surroundings)) ? exitCodes.proven : exitCodes.broken;
    const report = await runAll(plan, surroundings);
    print(plan.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report, colors));
    return report.ok ? exitCodes.proven : exitCodes.broken;
  } catch (error) {
    if (!signal.aborted) throw error;
    say('Interrupted; nothing of it is left running.');
    return exitCodes.interrupted;
  }
}

async function runAll(plan: Plan, surroundings: Surroundings): Promise<Report> {
  const { say, signal } = surroundings;
  // A Redis that is to be killed must be one of ours, so REDIS_URL is not looked at.
  const binary = await redisProgram({ announce: say });
  const runs = plan.faults.flatMap((fault) =>
    Array.from({ length: plan.repeat }, (_, index) => ({ fault, seed: plan.seed + index })),
  );
  const rows: Row[] = [];
  await forEachBounded(runs, plan.scale.sideBySide, async ({ fault, seed }, index) => {
    signal.throwIfAborted();
    const prefix = `[${index + 1}/${runs.length}] ${fault.name}: `;
    const row = await runOne({ ...plan, seed }, fault, binary, (line) => say(prefix + line), signal);
    if (row.latencyMs !== undefined) {
      const { usual, meanwhile } = row.latencyMs;
      say(`${prefix}the median delivery took ${meanwhile} ms meanwhile, and ${usual} ms as usual`);
    }
    say(`${prefix}${row.ok ? 'ok' : 'BROKEN'} after ${row.seconds} s`);
    for (const sentence of row.broken) say(`${prefix}${sentence}`);
    // In the order of the catalogue, whichever ends first.
    rows[index] = row;
  });
  return { ok: rows.every((row) => row.ok), profile: plan.profile, redis: plan.redis, seed: plan.seed, rows };
}

/** A fault that could not be carried through is a line of the table as well: it proved nothing. */
async function runOne(
  plan: Plan,
  fault: Fault,
  binary: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Row> {
  const startedAt = performance.now();
  const { seed, redis } = plan;
  const scale = fault.scale?.(plan.scale) ?? plan.scale;
  try {
    const facts = await runScenario({ fault, scale, redis, seed, binary, say, signal });
    return verdictOf(fault, facts, performance.now() - startedAt);
  } catch (error) {
    if (signal.aborted) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    return {
      fault: fault.name,
      ok: false,
      broken: [`could not be carried through: ${reason}`],
      proof: '',
      members: scale.members,
      published: 0,
      refused: 0,
      unanswered: 0,
      received: 0,
      lost: 0,
      announced: 0,
      announcements: 0,
      duplicated: 0,
      deduplicated: 0,
      reordered: 0,
      phantom: 0,
      longestSilenceMs: 0,
      recoverMs: null,
      seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    };
  }
}
