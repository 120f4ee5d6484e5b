import { bringPackage } from '@holdfast/local/distribution-package';
import { findOnPath } from '@holdfast/local/find-on-path';

/** Where Debian has programs of administrators, which a user's PATH does not name. */
const ADMINISTRATORS = '/usr/sbin';

export interface FindProgramOptions {
  /** Takes the one line that names the choice, and a line before an installation, which takes a while. */
  readonly announce: (line: string) => void;
  /** Default: `process.env`. PATH is looked at. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where else to look; default: `/usr/sbin`. */
  readonly elsewhere?: string;
  /** Whether we may call apt-get without sudo; default: as this process may. */
  readonly isRoot?: boolean;
}

/**
 * Finds a program whose package of the distribution has its name, or brings it: on PATH; in `/usr/sbin`; by `apt-get`.
 * Gives its full name, or why there is none.
 */
export async function findOrBringProgram(
  name: string,
  options: FindProgramOptions,
): Promise<{ program: string } | { missing: string }> {
  const { announce, env = process.env, elsewhere = ADMINISTRATORS, isRoot = process.getuid?.() === 0 } = options;
  const there = await findOnPath(name, `${env['PATH'] ?? ''}:${elsewhere}`);
  if (there !== null) {
    announce(`${name}: ${there}`);
    return { program: there };
  }
  const brought = await bringPackage({ what: name, packages: [name], env, isRoot, announce });
  if ('missing' in brought) return { missing: `${name} is not on PATH, and ${brought.missing}` };
  const installed = await findOnPath(name, `${brought.path}:${elsewhere}`);
  if (installed === null) return { missing: `apt-get installed a package ${name} that has no program of this name` };
  announce(`${name}: ${installed}, from the distribution's package`);
  return { program: installed };
}
