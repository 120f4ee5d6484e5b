import { interruption } from '@holdfast/harness/interruption';
import { run } from './run.ts';

// `npm start -w examples/<name>` starts it in the folder of the example. The example itself is its script `serve`; this
// adds what a reader does not have yet: an installation on this machine, and API keys.

/** As shells have it for a process that Ctrl-C ended. */
const EXIT_INTERRUPTED = 130;

const signal = interruption(
  process,
  () => undefined,
  () => process.exit(EXIT_INTERRUPTED),
);
const print = (line: string): void => void process.stdout.write(`${line}\n`);
process.exitCode = await run({ example: process.cwd(), env: process.env, print, signal });
