import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Block } from './block.ts';
import { differs, lastLines, outputEnd, outputFault } from './output.ts';
import { type Fault, type Session, faultAt } from './plan.ts';
import { type Shell, openShell } from './shell.ts';

/** How long a background block may take to print what the page shows. */
const OUTPUT_MS = 30_000;
const POLL_MS = 25;

/** What the blocks of a session find around them. */
export interface Surroundings {
  /** Gives an empty folder for a session. */
  readonly folderOf: (session: Session) => string;
  /** Writes what `npm start` leaves in the folder that it runs in. */
  readonly prepare: (folder: string) => Promise<void>;
  readonly env: Readonly<Record<string, string>>;
  /** A text of a page as it is here: with the addresses of the installation in place of those of `npm start`. */
  readonly here: (text: string) => string;
}

/** Runs the blocks of a session in order, up to the first fault. */
export async function runSession(session: Session, surroundings: Surroundings): Promise<Fault[]> {
  const folder = surroundings.folderOf(session);
  await using shell = await openShell(folder, surroundings.env);
  await surroundings.prepare(folder);
  const running: Running = { shell, here: surroundings.here, blocks: [], names: new Map(), read: new Map() };
  for (const step of session.steps) {
    const fault = await faultOfStep(step, running);
    if (fault !== undefined) return [fault];
  }
  const [ended] = shell.failed;
  if (ended === undefined) return [];
  const [number, code] = ended;
  return [faultAt(blockOf(running, number), `exit code ${code}:\n${lastLines(await shell.printed(number))}`)];
}

/** Removes the folder of a session with its records. */
export async function forgetSession(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await rm(`${folder}.records`, { recursive: true, force: true });
}

interface Running {
  readonly shell: Shell;
  readonly here: (text: string) => string;
  /** The blocks that were run, by number. */
  readonly blocks: Block[];
  /** The numbers of background blocks, by name. */
  readonly names: Map<string, number>;
  /** Up to where the output of a background block was compared. */
  readonly read: Map<number, number>;
}

async function faultOfStep(step: Session['steps'][number], running: Running): Promise<Fault | undefined> {
  const { block } = step;
  const { shell, here, blocks, names } = running;
  const code = here(block.code);
  switch (step.kind) {
    case 'file':
      await writeInto(shell.folder, step.name, code);
      break;
    case 'run': {
      const number = blocks.push(block) - 1;
      const { background } = step;
      if (background !== undefined) {
        names.set(background, number);
        running.read.set(number, 0);
      }
      const ended = await (background === undefined ? shell.run(number, code) : shell.start(number, code));
      if (ended.ok) break;
      const what = `${ended.why}:\n${lastLines(await shell.printed(number))}${await besides(running, number)}`;
      return { page: block.page, line: block.line + ended.line, what };
    }
    case 'output':
      return outputFaultOf(block, code, step.of === '' ? blocks.length - 1 : (names.get(step.of) ?? 0), running);
  }
  return undefined;
}

async function writeInto(folder: string, name: string, text: string): Promise<void> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

/** A block that has ended has printed just this; one that runs on prints it within some time, after what it printed before. */
async function outputFaultOf(
  block: Block,
  shown: string,
  number: number,
  { shell, read }: Running,
): Promise<Fault | undefined> {
  const from = read.get(number);
  if (from === undefined) {
    const fault = outputFault(shown, await shell.printed(number));
    return fault === null ? undefined : faultAt(block, fault);
  }
  const until = Date.now() + OUTPUT_MS;
  for (;;) {
    const printed = await shell.printed(number);
    const end = outputEnd(shown, printed, from);
    if (end >= 0) {
      read.set(number, end);
      return undefined;
    }
    if (Date.now() > until || shell.failed.has(number)) return faultAt(block, differs(shown, printed.slice(from)));
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** What the background blocks of the session printed: a reason is often there. */
async function besides({ shell, read }: Running, failed: number): Promise<string> {
  const others = [...read.keys()].filter((number) => number !== failed);
  const texts = await Promise.all(others.map((number) => shell.printed(number)));
  return texts.map((text) => `\n  beside it:\n${lastLines(text)}`).join('');
}

function blockOf({ blocks }: Running, number: number): Block {
  const block = blocks[number];
  if (block === undefined) throw new Error(`no block has the number ${number}`);
  return block;
}
