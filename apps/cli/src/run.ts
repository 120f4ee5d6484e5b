import { type ExitCode, exitCodes } from './exit-codes.ts';
import { failureOf } from './failure.ts';
import { buildProgram } from './program.ts';
import type { Terminal } from './terminal.ts';

/** Runs one command line, without the names of node and of this program. Errors that are faults of this program are raised. */
export async function run(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const program = buildProgram(terminal);
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCodes.fine;
  } catch (error) {
    const failure = failureOf(error);
    if (failure === null) throw error;
    if (failure.exitCode === exitCodes.unreachable && terminal.interrupted.aborted) return exitCodes.interrupted;
    if (program.opts<{ json?: true }>().json === true && failure.exitCode !== exitCodes.fine) {
      terminal.err(JSON.stringify({ error: failure.json }));
    } else {
      for (const line of failure.lines) terminal.err(terminal.colors.red(line));
    }
    return failure.exitCode;
  }
}
