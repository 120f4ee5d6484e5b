import { watchParent } from './parent-watch.ts';
import { run } from './run.ts';
import { stopRequest } from './stop-request.ts';

/** As shells have it for a process that Ctrl-C ended. */
const EXIT_INTERRUPTED = 130;

// Whatever we started ends with us, however we end: a second Ctrl-C need only end us.
const stop = stopRequest(process, () => process.exit(EXIT_INTERRUPTED));
// Nobody reads any more: a pipe that was closed, a terminal that is gone.
process.stdout.on('error', stop.ask);
const unwatchParent = watchParent(process.env, stop.ask);
const say = (line: string) => process.stdout.write(`${line}\n`);
// npm runs us in the folder of the repository.
process.exitCode = await run({ env: process.env, directory: process.cwd(), say, stop });
unwatchParent();
stop.forget();
