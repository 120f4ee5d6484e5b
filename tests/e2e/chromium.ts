import { bringPackage } from '@holdfast/local/distribution-package';
import { findOnPath } from '@holdfast/local/find-on-path';
import { runCommand } from '@holdfast/local/run-command';

const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome'] as const;
/** Debian's. Ubuntu's package of this name holds no browser but asks for a snap, and is found out by its answer. */
const PACKAGES = ['chromium'] as const;

type ChromiumSource = 'CHROMIUM' | 'PATH' | 'package';

export interface FoundChromium {
  /** What to run; it has told its version. */
  readonly program: string;
  readonly source: ChromiumSource;
}

export interface FindChromiumOptions {
  /** Takes the one line that names the choice, and a line before an installation, which takes a while. */
  announce: (line: string) => void;
  /** Default: `process.env`. CHROMIUM and PATH are looked at. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Whether we may call apt-get without sudo; default: as this process may. */
  isRoot?: boolean;
}

/** No Chromium was found, and none could be brought. The message says what to install, and why each way failed. */
export class NoChromium extends Error {
  readonly code = 'no-chromium';

  constructor(reasons: readonly string[]) {
    super(
      'No Chromium was found, and none could be brought. Install it (Debian: apt-get install chromium), or name the ' +
        'program in CHROMIUM.\n' +
        reasons.map((reason) => `  - ${reason}`).join('\n'),
    );
    this.name = 'NoChromium';
  }
}

/**
 * Finds a Chromium or brings one, in this order: the program that CHROMIUM names (no other then, for somebody chose it);
 * `chromium`, `chromium-browser` or `google-chrome` on PATH; the distribution's package. Rejects with {@link NoChromium}.
 */
export async function findOrBringChromium(options: FindChromiumOptions): Promise<FoundChromium> {
  const { announce, env = process.env, isRoot = process.getuid?.() === 0 } = options;
  const named = env['CHROMIUM'];
  if (named !== undefined && named !== '') {
    const fault = await chromiumFault(named);
    if (fault !== null) throw new NoChromium([`CHROMIUM: ${fault}`]);
    announce(`Chromium: ${named}, from CHROMIUM`);
    return { program: named, source: 'CHROMIUM' };
  }

  const there = await usableChromium(env['PATH']);
  if ('program' in there) {
    announce(`Chromium: ${there.program}, found on PATH`);
    return { program: there.program, source: 'PATH' };
  }

  const reasons = ['CHROMIUM is not set', there.missing];
  const brought = await bringPackage({ what: 'Chromium', packages: PACKAGES, env, isRoot, announce });
  if ('missing' in brought) throw new NoChromium([...reasons, brought.missing]);
  const installed = await usableChromium(brought.path);
  if ('missing' in installed) {
    throw new NoChromium([...reasons, `after apt-get installed the package, ${installed.missing}`]);
  }
  announce(`Chromium: ${installed.program}, from the distribution's package`);
  return { program: installed.program, source: 'package' };
}

/** The first program on PATH that is a Chromium and runs. */
async function usableChromium(path: string | undefined): Promise<{ program: string } | { missing: string }> {
  const faults: string[] = [];
  for (const name of PROGRAMS) {
    const program = await findOnPath(name, path);
    if (program === null) continue;
    const fault = await chromiumFault(program);
    if (fault === null) return { program };
    faults.push(fault);
  }
  return { missing: faults.length > 0 ? faults.join(', ') : `none of ${PROGRAMS.join(', ')} is on PATH` };
}

/** Why this program cannot be used, or null when it can. */
async function chromiumFault(program: string): Promise<string | null> {
  const { code, output, printed } = await runCommand(program, ['--version'], process.env);
  if (code !== 0) return `${program} does not run: ${printed}`;
  return /\bchrom/i.test(output) ? null : `${program} is no Chromium, but says: ${output}`;
}
