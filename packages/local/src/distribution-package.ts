import { join } from 'node:path';
import { findOnPath } from './find-on-path.ts';
import { runCommand } from './run-command.ts';

const INSTALL_SCRIPT = join(import.meta.dirname, 'install-package.sh');
/** Debian asks this file whether a package may start its service. */
const POLICY_FILE = '/usr/sbin/policy-rc.d';
/** Where a package puts its programs, should PATH not name that directory. */
const PACKAGE_DIRECTORY = '/usr/bin';

type Environment = Readonly<Record<string, string | undefined>>;
type Command = readonly [string, ...string[]];

export interface BringPackageOptions {
  /** What the programs are, for people: `Redis`. */
  what: string;
  /** Names of packages, the best first: one is installed, the first that can be had. */
  packages: readonly string[];
  env: Environment;
  /** Whether apt-get may be called without sudo. */
  isRoot: boolean;
  /** Takes a line before the installation, which takes a while. */
  announce: (line: string) => void;
}

/** Installs a package of the distribution. Gives the PATH on which its programs are, or why there are none. */
export async function bringPackage(options: BringPackageOptions): Promise<{ path: string } | { missing: string }> {
  const { what, packages, env, isRoot, announce } = options;
  const how = await installCommand(env, isRoot);
  if ('missing' in how) return how;
  announce(`${what}: none on PATH, installing the package of the distribution with apt-get …`);
  const fault = await installPackage(how.command, packages, env);
  return fault === null ? { path: `${env['PATH'] ?? ''}:${PACKAGE_DIRECTORY}` } : { missing: fault };
}

/**
 * The command that runs `install-package.sh` with the rights it needs, but for the packages, or why there is none:
 * `apt-get` is there, and we are root or `sudo` asks for no password.
 */
export async function installCommand(
  env: Environment,
  isRoot: boolean,
): Promise<{ command: Command } | { missing: string }> {
  if ((await findOnPath('apt-get', env['PATH'])) === null) return { missing: 'there is no apt-get' };
  if (isRoot) return { command: ['/bin/sh', INSTALL_SCRIPT, POLICY_FILE] };
  const sudo = await findOnPath('sudo', env['PATH']);
  if (sudo === null) return { missing: 'apt-get needs root, and there is no sudo' };
  if ((await runCommand(sudo, ['-n', 'true'], env)).code !== 0) {
    return { missing: 'apt-get needs root, and sudo asks for a password' };
  }
  return { command: [sudo, '-n', '/bin/sh', INSTALL_SCRIPT, POLICY_FILE] };
}

/** Installs the first of the packages that can be had. Gives null, or why it did not work. */
export async function installPackage(
  [command, ...args]: Command,
  packages: readonly string[],
  env: Environment,
): Promise<string | null> {
  const { code, printed } = await runCommand(command, [...args, ...packages], env);
  return code === 0 ? null : `apt-get could not install it: ${lastLines(printed)}`;
}

/** What went wrong stands at the end; the lists that were read stand before it. */
function lastLines(text: string): string {
  return text.split('\n').slice(-4).join(' ').trim();
}
