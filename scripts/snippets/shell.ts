import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** An installation of packages takes some seconds; nothing else does. */
const BLOCK_MS = 90_000;
/** What a background block may take to end by SIGTERM. A process that has ended may still count, until init reaps it. */
const END_MS = 500;
/** Where the shell keeps the blocks and what they print, beside the folder that it works in. */
const RECORDS = 'records';

/**
 * Reads commands from its input. Descriptor 3 reports: `done <number>`; `failed <number> <exit code> <line of the block>`;
 * `ended <number> <exit code>` of a background block.
 */
const PRELUDE = `
set -eE -o pipefail
exec 3>&1
block=0
trap 'echo "failed $block $? $LINENO" >&3' ERR
`;

/** How a block that runs to its end did so. */
type Ended = { readonly ok: true } | { readonly ok: false; readonly why: string; readonly line: number };

/** One bash, in which blocks run one after the other and share variables. */
export interface Shell extends AsyncDisposable {
  readonly folder: string;
  /** Runs a block to its end, under a number of its own. */
  readonly run: (number: number, code: string) => Promise<Ended>;
  /** Starts a block that goes on beside the next ones. */
  readonly start: (number: number, code: string) => Promise<Ended>;
  /** What a block has printed so far, on both streams. */
  readonly printed: (number: number) => Promise<string>;
  /** Background blocks that have ended with an error so far, by number. */
  readonly failed: ReadonlyMap<number, number>;
}

/** Starts it in an empty folder, which it makes. `await using` it: what it started ends with it. */
export async function openShell(folder: string, env: Readonly<Record<string, string>>): Promise<Shell> {
  const records = `${folder}.${RECORDS}`;
  await mkdir(folder, { recursive: true });
  await mkdir(records, { recursive: true });
  // A group of its own: the end of the session ends all of it.
  const child = spawn('bash', ['--noprofile', '--norc'], {
    cwd: folder,
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const ended = once(child, 'exit');
  child.stdin.on('error', () => undefined).write(PRELUDE);
  const failed = new Map<number, number>();
  const waiting = new Map<number, (ended: Ended) => void>();
  const settle = (number: number, outcome: Ended) => {
    waiting.get(number)?.(outcome);
    waiting.delete(number);
  };
  createInterface(child.stdout).on('line', (line) => {
    const [word, number = 0, code = 0, at = 0] = line
      .split(' ')
      .map((each, index) => (index === 0 ? each : Number(each)));
    if (word === 'done') settle(Number(number), { ok: true });
    if (word === 'failed') settle(Number(number), { ok: false, why: `exit code ${code}`, line: Number(at) });
    if (word === 'ended' && code !== 0) failed.set(Number(number), Number(code));
  });
  child.once('exit', () => {
    for (const number of waiting.keys()) settle(number, { ok: false, why: 'it ends the shell', line: 0 });
  });

  const print = (number: number) => join(records, `${number}.out`);
  const send = async (number: number, code: string, command: (file: string, out: string) => string): Promise<Ended> => {
    const file = join(records, `${number}.sh`);
    await writeFile(file, code);
    const outcome = Promise.withResolvers<Ended>();
    waiting.set(number, outcome.resolve);
    if (child.exitCode !== null) settle(number, { ok: false, why: 'the shell has ended', line: 0 });
    const timer = setTimeout(
      () => settle(number, { ok: false, why: `not done after ${BLOCK_MS} ms`, line: 0 }),
      BLOCK_MS,
    );
    child.stdin.write(`block=${number}\n${command(quoted(file), quoted(print(number)))}\necho "done ${number}" >&3\n`);
    return outcome.promise.finally(() => clearTimeout(timer));
  };
  return {
    folder,
    run: (number, code) => send(number, code, (file, out) => `. ${file} < /dev/null > ${out} 2>&1`),
    start: (number, code) =>
      send(
        number,
        code,
        (file, out) =>
          `{ trap - ERR; set +e; ( set -e; . ${file} ); echo "ended ${number} $?" >&3; } < /dev/null > ${out} 2>&1 &`,
      ),
    printed: async (number) => (existsSync(print(number)) ? readFile(print(number), 'utf8') : ''),
    failed,
    [Symbol.asyncDispose]: () => endGroup(child, ended),
  };
}

/** SIGTERM to all of it, and SIGKILL to what is left. */
async function endGroup(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  const group = -(child.pid ?? 0);
  if (signalled(group, 'SIGTERM')) {
    const until = Date.now() + END_MS;
    while (Date.now() < until && signalled(group, 0)) await new Promise((resolve) => setTimeout(resolve, 20));
    signalled(group, 'SIGKILL');
  }
  await ended;
}

/** False when the group has no process any more. */
function signalled(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(group, signal);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
