import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rename, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { findOnPath } from '@holdfast/local/find-on-path';
import { runCommand } from '@holdfast/local/run-command';

const SOURCES = resolve(import.meta.dirname, '../native');
/** Programs that were built here; git does not see it. */
export const CACHE = resolve(import.meta.dirname, '../.cache');
const COMPILERS = ['cc', 'gcc', 'clang'] as const;
const FLAGS = ['-O2', '-std=c17', '-D_GNU_SOURCE', '-Wall', '-Wextra'];

/** A C program cannot be built here. The message has the reason. */
export class NotCompiled extends Error {
  readonly code = 'not-compiled';
}

/**
 * Builds a program of bench/native (`floor`: floor.c; `generator`: all of generator/), unless what was built before is
 * of the same sources, and returns its path. Rejects with {@link NotCompiled}.
 */
export async function compiled(program: 'floor' | 'generator'): Promise<string> {
  const files = await sourcesOf(program);
  const digest = createHash('sha256').update(FLAGS.join(' '));
  for (const file of files) digest.update(await readFile(file));
  const binary = join(CACHE, `${program}-${process.arch}-${digest.digest('hex').slice(0, 16)}`);
  if (await isThere(binary)) return binary;
  const compiler = await findCompiler();
  await mkdir(CACHE, { recursive: true });
  // Renamed into place: another run at the same time sees a whole program or none.
  const unfinished = `${binary}.${process.pid}`;
  const sources = files.filter((file) => file.endsWith('.c'));
  const { code, printed } = await runCommand(compiler, [...FLAGS, '-o', unfinished, ...sources], process.env);
  if (code !== 0) throw new NotCompiled(`${compiler} could not build ${program}:\n${printed}`);
  await rename(unfinished, binary);
  return binary;
}

async function sourcesOf(program: string): Promise<string[]> {
  const folder = join(SOURCES, program);
  if (!(await isThere(folder))) return [`${folder}.c`];
  return (await readdir(folder)).toSorted().map((name) => join(folder, name));
}

async function findCompiler(): Promise<string> {
  for (const name of COMPILERS) {
    const compiler = await findOnPath(name, process.env['PATH']);
    if (compiler !== null) return compiler;
  }
  throw new NotCompiled(`no C compiler on PATH (${COMPILERS.join(', ')}); Debian: apt-get install gcc libc6-dev`);
}

export async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}
