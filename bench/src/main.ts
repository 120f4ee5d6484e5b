import { exitCodes, processSurroundings } from '@holdfast/harness/program';
import { compare } from './compare.ts';
import { NotCompiled } from './native.ts';
import { scale } from './scale/scale.ts';

const surroundings = processSurroundings('Ending what was started.');
const args = process.argv.slice(2);
const run = args[0] === 'scale' ? scale(args.slice(1), surroundings) : compare(args, surroundings);
const exitCode = await run.catch((error: unknown) => {
  if (!(error instanceof NotCompiled)) throw error;
  surroundings.display.log(`The load generator cannot be built: ${error.message}`);
  return exitCodes.failed;
});
// A run that was interrupted may still be waiting for something.
process.exit(exitCode);
