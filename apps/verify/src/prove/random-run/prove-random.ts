import { redisProgram } from '@holdfast/local/redis';
import type { Plan } from '../plan.ts';
import type { Surroundings } from '@holdfast/harness/program';
import { randomRun } from './random-run.ts';
import { type RandomReport, randomReportText, seenIn } from './report.ts';

/** Random runs, one for each seed. Gives whether every promise held; prints what they came to. */
export async function proveRandom(
  plan: Plan,
  { print, log, colors, signal }: Pick<Surroundings, 'print' | 'colors' | 'signal'> & { log: (line: string) => void },
): Promise<boolean> {
  const binary = await redisProgram({ announce: log });
  const { redis, seconds, calm } = plan;
  let isHeld = true;
  for (let seed = plan.seed; seed < plan.seed + plan.repeat; seed += 1) {
    const options = { seed, seconds, redis, calm, binary, signal };
    const { counts, violations, company } = await randomRun({
      ...options,
      log: (line) => log(`seed ${seed}: ${line}`),
    });
    const { events } = company.history;
    const ok = violations.length === 0;
    const history = ok ? null : await company.history.dump({ redis, seed, seconds, violations });
    const report: RandomReport = {
      ok,
      redis,
      seed,
      seconds,
      counts: Object.fromEntries(counts),
      seen: seenIn(events),
      violations,
      history,
    };
    print(plan.json ? `${JSON.stringify(report, null, 2)}\n` : randomReportText(report, events, colors));
    isHeld &&= ok;
  }
  return isHeld;
}
