import { availableParallelism } from 'node:os';
import pc from 'picocolors';
import { readBounds } from './bounds.ts';
import { interruption } from './interruption.ts';
import { exitCodes, load } from './load.ts';
import { progressDisplay } from './progress.ts';

const signal = interruption(
  process,
  () => process.stderr.write('\nRemoving clients and topics; once more to leave them.\n'),
  () => process.exit(exitCodes.interrupted),
);

process.exitCode = await load(process.argv.slice(2), {
  bounds: readBounds(availableParallelism()),
  print: (text) => process.stdout.write(text),
  colors: pc.createColors(process.stdout.isTTY && pc.isColorSupported),
  display: progressDisplay(process.stderr),
  signal,
});
