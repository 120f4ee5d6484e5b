import { findOnPath } from '@holdfast/local/find-on-path';
import { runCommand } from '@holdfast/local/run-command';
import { writeFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { DidNotHappen } from '../not-run.ts';

const COMPILERS = ['cc', 'gcc', 'clang'] as const;
const FLAGS = ['-shared', '-fPIC', '-O1', '-Wall', '-Wextra'];
const BYTES = 8;

/** The wall clock of a Redis, which can be set while it runs. */
export interface ShiftedClock {
  /** What the server is started with. */
  readonly env: Readonly<Record<string, string>>;
  /** Sets it so many seconds off the machine's, at once. */
  readonly set: (seconds: number) => Promise<void>;
  /** How many it is off. */
  readonly seconds: () => number;
}

/** The C compiler of this machine, which such a clock needs; null when there is none. */
export async function findCompiler(): Promise<string | null> {
  for (const name of COMPILERS) {
    const compiler = await findOnPath(name, process.env['PATH']);
    if (compiler !== null) return compiler;
  }
  return null;
}

/** Builds it in a directory, in which it keeps its file as well. Rejects with {@link DidNotHappen}. */
export async function shiftedClock(directory: string): Promise<ShiftedClock> {
  const compiler = await findCompiler();
  if (compiler === null) {
    throw new DidNotHappen(
      `a clock needs a C compiler (${COMPILERS.join(', ')}); Debian: apt-get install gcc libc6-dev`,
    );
  }
  const [source, library] = [join(import.meta.dirname, 'shifted-clock.c'), join(directory, 'shifted-clock.so')];
  const { code, printed } = await runCommand(compiler, [...FLAGS, '-o', library, source], process.env);
  if (code !== 0) throw new DidNotHappen(`${compiler} could not build the clock: ${printed}`);
  const file = join(directory, 'clock-shift');
  let current = 0;
  const set = (seconds: number) => {
    current = seconds;
    const bytes = Buffer.alloc(BYTES);
    if (endianness() === 'LE') bytes.writeBigInt64LE(BigInt(seconds));
    else bytes.writeBigInt64BE(BigInt(seconds));
    // In place: the server has the file mapped.
    return writeFile(file, bytes, { flag: 'r+' });
  };
  await writeFile(file, Buffer.alloc(BYTES));
  return { env: { LD_PRELOAD: library, CLOCK_SHIFT_FILE: file }, set, seconds: () => current };
}
