import { availableParallelism } from 'node:os';
import { processSurroundings } from '@holdfast/harness/program';
import { readBounds } from './bounds.ts';
import { load } from './load.ts';

process.exitCode = await load(process.argv.slice(2), {
  ...processSurroundings('Removing clients and topics; once more to leave them.'),
  bounds: readBounds(availableParallelism()),
});
