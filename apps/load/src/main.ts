import { availableParallelism } from 'node:os';
import pc from 'picocolors';
import { readBounds } from './bounds.ts';
import { exitCodes, load } from './load.ts';
import { progressDisplay } from './progress.ts';

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interruption.signal.aborted) process.exit(exitCodes.interrupted);
    process.stderr.write('\nRemoving clients and topics; once more to leave them.\n');
    interruption.abort();
  });
}

process.exitCode = await load(process.argv.slice(2), {
  bounds: readBounds(availableParallelism()),
  print: (text) => process.stdout.write(text),
  colors: pc.createColors(process.stdout.isTTY && pc.isColorSupported),
  display: progressDisplay(process.stderr),
  signal: interruption.signal,
});
