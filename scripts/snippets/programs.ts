import { bringPackage } from '@holdfast/local/distribution-package';
import { findOnPath } from '@holdfast/local/find-on-path';

/** Debian's packages of programs that a machine may lack. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  bash: ['bash'],
  go: ['golang-go'],
  gofmt: ['golang-go'],
  openssl: ['openssl'],
  python3: ['python3'],
  'redis-cli': ['redis-tools'],
};

export type FoundProgram = { readonly program: string } | { readonly missing: string };

/** Finds a program on PATH, or brings it by the distribution's package. Gives where it is, or why there is none. */
export async function findOrBringProgram(name: string, announce: (line: string) => void): Promise<FoundProgram> {
  const there = await findOnPath(name, process.env['PATH']);
  if (there !== null) return { program: there };
  const packages = PACKAGES[name];
  if (packages === undefined) return { missing: `there is no ${name}` };
  const isRoot = process.getuid?.() === 0;
  const brought = await bringPackage({ what: name, packages, env: process.env, isRoot, announce });
  if ('missing' in brought) return { missing: `there is no ${name}, and ${brought.missing}` };
  const installed = await findOnPath(name, brought.path);
  return installed === null ? { missing: `${packages.join()} has no ${name}` } : { program: installed };
}
