import { CommanderError } from 'commander';
import { exitCodes, runCommandLine } from './command-line.ts';

// An exit ends the drivers that still run.
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

try {
  process.exitCode = await runCommandLine(process.argv.slice(2), (text) => void process.stdout.write(text));
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.badArguments;
}
