import { join } from 'node:path';
import { findOnPath } from './find-on-path.ts';
import { runCommand } from './run-command.ts';

const INSTALL_SCRIPT = join(import.meta.dirname, 'install-redis.sh');
/** Debian asks this file whether a package may start its service. */
const POLICY_FILE = '/usr/sbin/policy-rc.d';

/**
 * The command that runs `install-redis.sh` with the rights it needs, or why there is none: `apt-get` is there, and we
 * are root or `sudo` asks for no password.
 */
export async function installCommand(
  env: Readonly<Record<string, string | undefined>>,
  isRoot: boolean,
): Promise<{ command: readonly [string, ...string[]] } | { missing: string }> {
  if ((await findOnPath('apt-get', env['PATH'])) === null) return { missing: 'there is no apt-get' };
  if (isRoot) return { command: ['/bin/sh', INSTALL_SCRIPT, POLICY_FILE] };
  const sudo = await findOnPath('sudo', env['PATH']);
  if (sudo === null) return { missing: 'apt-get needs root, and there is no sudo' };
  if ((await runCommand(sudo, ['-n', 'true'], env)).code !== 0) {
    return { missing: 'apt-get needs root, and sudo asks for a password' };
  }
  return { command: [sudo, '-n', '/bin/sh', INSTALL_SCRIPT, POLICY_FILE] };
}

/** Installs the package. Gives null, or why it did not work. */
export async function installRedis(
  [command, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | null> {
  const { code, printed } = await runCommand(command, args, env);
  return code === 0 ? null : `apt-get could not install it: ${lastLines(printed)}`;
}

/** What went wrong stands at the end; the lists that were read stand before it. */
function lastLines(text: string): string {
  return text.split('\n').slice(-4).join(' ').trim();
}
