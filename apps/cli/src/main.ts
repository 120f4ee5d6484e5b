import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { readStateFile } from '@holdfast/local/state-file';
import { repositoryRoot } from '@holdfast/local/repository-root';
import picocolors from 'picocolors';
import { readLine } from './read-line.ts';
import { run } from './run.ts';
import { wantsColor } from './output.ts';

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interruption.abort());

// The reader of the output may stop reading, as `head` does.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
}

process.exitCode = await run(process.argv.slice(2), {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  readLine: async () => {
    const line = await readLine(process.stdin);
    // A pipe that stays open must not keep the process alive; a file has no such method.
    if ('unref' in process.stdin) process.stdin.unref();
    return line;
  },
  readInput: () => {
    if ('ref' in process.stdin) process.stdin.ref();
    return text(process.stdin);
  },
  inputIsTyped: process.stdin.isTTY,
  colors: picocolors.createColors(wantsColor(process.env, process.stdout.isTTY)),
  errColors: picocolors.createColors(wantsColor(process.env, process.stderr.isTTY)),
  rememberedClientsDirectory: join(repositoryRoot, '.holdfast', 'clients'),
  installation: () => readStateFile(),
  environment: process.env,
  interrupted: interruption.signal,
});
