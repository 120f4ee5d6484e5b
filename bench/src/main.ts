import { bench } from './bench.ts';
import { exitCodes } from './exit-codes.ts';

/** Under npm a Ctrl-C comes twice: from the terminal, and a moment later from npm. Nobody presses it twice so soon. */
const ECHO_MS = 500;

const interruption = new AbortController();
let askedAt = 0;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // The second time: whatever still runs is ended by the last wills.
    if (interruption.signal.aborted) {
      if (performance.now() - askedAt > ECHO_MS) process.exit(exitCodes.interrupted);
      return;
    }
    askedAt = performance.now();
    process.stderr.write('\nEnding what was started.\n');
    interruption.abort();
  });
}

const exitCode = await bench(process.argv.slice(2), {
  print: (text) => process.stdout.write(text),
  log: (line) => process.stderr.write(`${line}\n`),
  signal: interruption.signal,
});
// A run that was broken off may still be waiting for something that nobody needs any more.
process.exit(exitCode);
