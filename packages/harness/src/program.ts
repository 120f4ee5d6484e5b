import { CommanderError } from 'commander';
import pc from 'picocolors';
import { interruption } from './interruption.ts';
import { type ProgressDisplay, progressDisplay } from './progress.ts';

/** What the tools exit with. `unreachable` is of a running installation that was named. */
export const exitCodes = { ok: 0, failed: 1, badArguments: 2, unreachable: 3, interrupted: 130 } as const;

export type Colors = ReturnType<typeof pc.createColors>;

/** What a tool uses of its process. */
export interface Surroundings {
  /** For the report; colours as this stream takes them. */
  print: (text: string) => void;
  colors: Colors;
  /** For what goes on meanwhile, and for what went wrong. */
  display: ProgressDisplay;
  /** Aborted when the run is to end early. */
  signal: AbortSignal;
}

/** The surroundings of this process. `onInterrupt` is what an interruption shows first. */
export function processSurroundings(onInterrupt: string): Surroundings {
  return {
    print: (text) => process.stdout.write(text),
    colors: pc.createColors(process.stdout.isTTY && pc.isColorSupported),
    display: progressDisplay(process.stderr),
    signal: interruption(
      process,
      () => process.stderr.write(`\n${onInterrupt}\n`),
      // Whatever still runs is ended by the exit clean-up.
      () => process.exit(exitCodes.interrupted),
    ),
  };
}

/**
 * The frame of a tool: reads its command line, runs it, and gives the exit code. `read` rejects with a CommanderError,
 * which has been printed; `run` may reject with anything once the signal is aborted.
 */
export async function runTool<Plan>(
  { display, signal }: Surroundings,
  read: () => Plan,
  run: (plan: Plan) => Promise<number>,
  interrupted = 'Interrupted; nothing of it is left running.',
): Promise<number> {
  let plan: Plan;
  try {
    plan = read();
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.badArguments;
    throw error;
  }
  try {
    return await run(plan);
  } catch (error) {
    if (!signal.aborted) throw error;
    display.log(interrupted);
    return exitCodes.interrupted;
  }
}
