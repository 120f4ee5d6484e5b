import { CommanderError } from 'commander';
import { type Outside, exitCodes } from '../exit-codes.ts';
import { perProcess } from '../machine.ts';
import { NotCompiled, compiled } from '../native.ts';
import { keepFiles } from '../report/keep.ts';
import { temporaryDirectory } from '../temporary-directory.ts';
import { type ScalePlan, readScalePlan } from './command-line.ts';
import { type Change, changesFor, raised } from './limits.ts';
import { type ScaleResult, scaleText } from './report.ts';
import { runScale } from './run.ts';

/** `npm run bench -- scale`: from its arguments to its exit code. */
export async function scale(args: readonly string[], { print, log, signal }: Outside): Promise<number> {
  let plan: ScalePlan;
  try {
    plan = readScalePlan(args);
  } catch (error) {
    // Commander has logged what is wrong, or printed its help.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.measured : exitCodes.badArguments;
    throw error;
  }
  const changes = await changesFor(plan.connections);
  if (changes.length > 0 && !plan.raiseLimits) {
    for (const { name, from, to } of changes) log(`${name} is ${from}, and must be ${to} for so many connections`);
    log('Set them, or let --raise-limits do it for the time of the run, as root.');
    return exitCodes.failed;
  }
  try {
    const result = await runWithin(changes, plan, log, signal);
    print(plan.json ? `${JSON.stringify(result, null, 2)}\n` : scaleText(result));
    if (plan.keep !== null) {
      const files = { json: `${JSON.stringify(result, null, 2)}\n`, txt: scaleText(result) };
      log(`Kept as ${(await keepFiles(plan.keep, files)).join(', ')}`);
    }
    return result.phases.every(({ lost, duplicated }) => lost + duplicated === 0)
      ? exitCodes.measured
      : exitCodes.failed;
  } catch (error) {
    if (signal.aborted) {
      log('Interrupted; nothing of it is left running.');
      return exitCodes.interrupted;
    }
    if (!(error instanceof NotCompiled)) throw error;
    log(`The load generator cannot be built: ${error.message}`);
    return exitCodes.failed;
  }
}

async function runWithin(
  changes: readonly Change[],
  plan: ScalePlan,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<ScaleResult> {
  await compiled('generator');
  for (const { name, from, to } of changes) log(`${name}: ${from} → ${to}, until the end of this run`);
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.use(await raised(changes));
  const directory = cleanUp.use(await temporaryDirectory());
  return await runScale({ plan, directory: directory.path, perProcess: await perProcess(), log, signal }, changes);
}
