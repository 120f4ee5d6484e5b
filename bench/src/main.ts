import { bench } from './bench.ts';
import { exitCodes } from './exit-codes.ts';

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // The second time: whatever still runs is ended by the last wills.
    if (interruption.signal.aborted) process.exit(exitCodes.interrupted);
    process.stderr.write('\nEnding what was started.\n');
    interruption.abort();
  });
}

const exitCode = await bench(process.argv.slice(2), {
  print: (text) => process.stdout.write(text),
  say: (line) => process.stderr.write(`${line}\n`),
  signal: interruption.signal,
});
// A run that was broken off may still be waiting for something that nobody needs any more.
process.exit(exitCode);
