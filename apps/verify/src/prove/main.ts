import { processSurroundings } from '@holdfast/harness/program';
import { prove } from './prove.ts';

const exitCode = await prove(process.argv.slice(2), processSurroundings('Ending what was started.'));
// A run that was broken off may still be waiting for something that is of no use any more.
process.exit(exitCode);
