import pc from 'picocolors';
import { exitCodes, prove } from './prove.ts';

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The second time: whatever still runs is ended by the last wills.
    if (interruption.signal.aborted) process.exit(exitCodes.interrupted);
    process.stderr.write('\nEnding what was started.\n');
    interruption.abort();
  });
}

const exitCode = await prove(process.argv.slice(2), {
  print: (text) => process.stdout.write(text),
  say: (line) => process.stderr.write(`${line}\n`),
  colors: pc.createColors(process.stdout.isTTY && pc.isColorSupported),
  signal: interruption.signal,
});
// A run that was broken off may still be waiting for something that nobody needs any more.
process.exit(exitCode);
