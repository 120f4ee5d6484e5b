import { interruption } from '@holdfast/harness/interruption';
import { watchParent } from './parent-watch.ts';
import { run } from './run.ts';

/** As shells have it for a process that Ctrl-C ended. */
const EXIT_INTERRUPTED = 130;

// What was started ends with this process, however it ends: a second Ctrl-C need only end it.
const interrupted = interruption(
  process,
  () => undefined,
  () => process.exit(EXIT_INTERRUPTED),
);
const abandoned = new AbortController();
// A pipe that was closed, a terminal that is gone.
process.stdout.on('error', () => abandoned.abort());
const unwatchParent = watchParent(process.env, () => abandoned.abort());
const log = (line: string) => process.stdout.write(`${line}\n`);
const signal = AbortSignal.any([interrupted, abandoned.signal]);
// npm runs it in the folder of the repository.
process.exitCode = await run({ env: process.env, directory: process.cwd(), log, signal });
unwatchParent();
