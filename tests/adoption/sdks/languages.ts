import { bringPackage } from '@holdfast/local/distribution-package';
import { findOnPath } from '@holdfast/local/find-on-path';
import { runCommand } from '@holdfast/local/run-command';

/** A program, or why there is none on this machine. */
export type Found = { program: string } | { missing: string };

/** Leaves the test out, by name, where there is no such program. */
export function programOrSkip(found: Found, skip: (note: string) => never): string {
  return 'missing' in found ? skip(`not run: ${found.missing}`) : found.program;
}

/** Where Debian and the archive of golang.org put programs, should PATH not name that directory. */
const DIRECTORIES = ['/usr/bin', '/usr/local/go/bin'];

const PYTHON_CHECK = 'import sys, jwt, cryptography; sys.exit(sys.version_info < (3, 9))';
const GO_MIN_MINOR = 19;

/** A Python that has what tokens need; that of the distribution, if need be with its packages. */
export function findPython(): Promise<Found> {
  return findOrBring('python3', ['python3-jwt', 'python3-cryptography'], async (program) => {
    return (await runCommand(program, ['-c', PYTHON_CHECK], process.env)).code === 0;
  });
}

export function findGo(): Promise<Found> {
  return findOrBring('go', ['golang-go'], async (program) => {
    const { output } = await runCommand(program, ['env', 'GOVERSION'], process.env);
    return Number(/^go1\.(\d+)/.exec(output)?.[1]) >= GO_MIN_MINOR;
  });
}

/** A shell, to complete lines in. */
export function findShell(name: string): Promise<Found> {
  return findOrBring(name, [name], () => Promise.resolve(true));
}

async function findOrBring(
  name: string,
  packages: readonly string[],
  isGood: (program: string) => Promise<boolean>,
): Promise<Found> {
  const known = await firstGood(name, isGood);
  if (known !== null) return { program: known };
  const missing: string[] = [];
  for (const each of packages) {
    const brought = await bringPackage({
      what: each,
      packages: [each],
      env: process.env,
      isRoot: process.getuid?.() === 0,
      announce: (line) => void process.stdout.write(`${line}\n`),
    });
    // One that is installed already is among these.
    if ('missing' in brought) missing.push(brought.missing);
  }
  const program = await firstGood(name, isGood);
  return program === null ? { missing: `no ${name} that serves: ${missing.join('; ')}` } : { program };
}

async function firstGood(name: string, isGood: (program: string) => Promise<boolean>): Promise<string | null> {
  for (const directory of [...(process.env['PATH'] ?? '').split(':'), ...DIRECTORIES]) {
    const program = await findOnPath(name, directory);
    if (program !== null && (await isGood(program))) return program;
  }
  return null;
}
