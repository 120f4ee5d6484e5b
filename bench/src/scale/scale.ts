import { type Surroundings, exitCodes, runTool } from '@holdfast/harness/program';
import { perProcess } from '../machine.ts';
import { compiled } from '../native.ts';
import { publishResult } from '../report.ts';
import { temporaryDirectory } from '../temporary-directory.ts';
import { type ScalePlan, readScalePlan } from './command-line.ts';
import { changesFor, raised } from './limits.ts';
import { scaleText } from './report.ts';
import { runScale } from './run.ts';

/** `npm run bench -- scale`: from its arguments to its exit code. */
export function scale(args: readonly string[], surroundings: Surroundings): Promise<number> {
  return runTool(
    surroundings,
    () => readScalePlan(args),
    (plan) => carryOut(plan, surroundings),
  );
}

async function carryOut(plan: ScalePlan, surroundings: Surroundings): Promise<number> {
  const { display, signal } = surroundings;
  const log = (line: string) => display.log(line);
  const changes = await changesFor(plan.connections);
  if (changes.length > 0 && !plan.raiseLimits) {
    for (const { name, from, to } of changes) log(`${name} is ${from}, and must be ${to} for so many connections`);
    log('Set them, or let --raise-limits do it for the time of the run, as root.');
    return exitCodes.failed;
  }
  await compiled('generator');
  for (const { name, from, to } of changes) log(`${name}: ${from} → ${to}, until the end of this run`);
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.use(await raised(changes));
  const directory = cleanUp.use(await temporaryDirectory()).path;
  const result = await runScale({ plan, directory, perProcess: await perProcess(), log, signal }, changes);
  await publishResult(result, plan, { txt: scaleText(result) }, surroundings);
  const arrived = result.phases.every(({ lost, duplicated }) => lost + duplicated === 0);
  return arrived ? exitCodes.ok : exitCodes.failed;
}
