import type { CommonFault, Fault } from './fault.ts';
import { DidNotHappen, NotSetUp } from './not-run.ts';
import { type Column, nativeColumns } from './report.ts';
import { pusherColumns } from './pusher/report.ts';
import { type PusherRow, failedPusherRow, pusherRowOf } from './pusher/row.ts';
import { runPusherScenario } from './pusher/scenario.ts';
import { type Row, type RowBasics, type Verdict, failedRow, verdictOf } from './row.ts';
import { type ScenarioOptions, runScenario } from './scenario.ts';

/** A fault for clients of one door, and its line of the table. */
export interface Door<F extends Fault, R extends RowBasics> {
  run: (options: ScenarioOptions<F>) => Promise<R>;
  columns: readonly Column<R>[];
}

export const nativeDoor: Door<Fault, Row> = {
  run: runsBy(async (options, elapsed) => verdictOf(options.fault, await runScenario(options), elapsed()), failedRow),
  columns: nativeColumns,
};

export const pusherDoor: Door<CommonFault, PusherRow> = {
  run: runsBy(
    async (options, elapsed) => pusherRowOf(options.fault, await runPusherScenario(options), elapsed()),
    failedPusherRow,
  ),
  columns: pusherColumns,
};

/** A fault that could not be set up, or carried through, is a line of the table as well: it proved nothing. */
function runsBy<F extends Fault, R extends RowBasics>(
  carryOut: (options: ScenarioOptions<F>, elapsed: () => number) => Promise<R>,
  failed: (fault: F, verdict: Verdict, reason: string, members: number, elapsedMs: number) => R,
): Door<F, R>['run'] {
  return async (options) => {
    const { fault, scale, signal } = options;
    const startedAt = performance.now();
    const elapsed = () => performance.now() - startedAt;
    try {
      return await carryOut(options, elapsed);
    } catch (error) {
      if (signal.aborted) throw error;
      const isNotRun = error instanceof NotSetUp || error instanceof DidNotHappen;
      const reason = error instanceof Error ? error.message : String(error);
      return failed(fault, isNotRun ? 'not run' : 'broken', reason, scale.members, elapsed());
    }
  };
}
