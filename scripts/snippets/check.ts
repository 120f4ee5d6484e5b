import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exitCleanUp } from '@holdfast/local/exit-clean-up';
import { repositoryRoot } from '@holdfast/local/repository-root';
import type { Block } from './block.ts';
import { installPackages } from './installed.ts';
import { parseBlocks } from './parse.ts';
import { type Fault, type Plan, type Session, planOf } from './plan.ts';
import { findOrBringProgram } from './programs.ts';
import { forgetSession, runSession } from './sessions.ts';
import { startSurroundings } from './surroundings.ts';
import { untested } from './tested.ts';
import { typeFaults } from './types.ts';

export interface CheckOptions {
  /** Takes lines for people. */
  readonly announce: (line: string) => void;
  /** A Redis that is there; default: found or brought. */
  readonly redisUrl?: string;
}

export interface Checked {
  readonly plan: Plan;
  readonly faults: readonly Fault[];
  /** What was not checked, with the reason. */
  readonly notRun: readonly { readonly block: Block; readonly why: string }[];
}

/** Checks blocks in every way that they are marked for. Starts an installation and packs our packages only where one needs it. */
export async function checkBlocks(blocks: readonly Block[], { announce, redisUrl }: CheckOptions): Promise<Checked> {
  const plan = planOf(blocks);
  const faults: Fault[] = [...plan.faults, ...(await untested(plan.tested, repositoryRoot))];
  const { faults: unparsed, missed } = await parseBlocks(plan.parsed, announce);
  faults.push(...unparsed);
  const { sessions, skipped } = await possible(plan.sessions, announce);
  if (plan.typed.length > 0 || plan.sessions.length > 0) {
    await using directory = await temporaryDirectory();
    const installed = join(directory.path, 'installed');
    const tarballs = await installPackages(installed);
    faults.push(...(await typeFaults(plan.typed, installed)));
    if (plan.sessions.length > 0) {
      await using place = await startSurroundings(installed, tarballs, announce, redisUrl);
      const { surroundings, reset } = place;
      for (const session of sessions) {
        await reset();
        let folder = '';
        const folderOf = () => (folder = surroundings.folderOf(session));
        const startedAt = performance.now();
        faults.push(...(await runSession(session, { ...surroundings, folderOf })));
        const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
        announce(`${session.page}: ${session.name} ran in ${seconds} s`);
        await forgetSession(folder);
      }
    }
  }
  const notRun = plan.notRun.map((block) => ({ block, why: block.marks.notRun ?? '' }));
  return { plan, faults: inOrder(faults), notRun: [...notRun, ...missed, ...skipped] };
}

/** Sessions without the blocks whose program is not there, and the output of these. */
async function possible(
  sessions: readonly Session[],
  announce: (line: string) => void,
): Promise<{ sessions: Session[]; skipped: { block: Block; why: string }[] }> {
  const needed = new Set(sessions.flatMap(({ steps }) => steps.flatMap(({ block }) => block.marks.needs ?? [])));
  const missing = new Map<string, string>();
  for (const name of needed) {
    const found = await findOrBringProgram(name, announce);
    if ('missing' in found) missing.set(name, found.missing);
  }
  const skipped: { block: Block; why: string }[] = [];
  const kept = sessions.map((session) => {
    let without = false;
    const steps = session.steps.filter((step) => {
      const why = missing.get(step.block.marks.needs ?? '');
      if (step.kind !== 'output') without = why !== undefined;
      if (why !== undefined) skipped.push({ block: step.block, why });
      return !without;
    });
    return { ...session, steps };
  });
  return { sessions: kept, skipped };
}

function inOrder(faults: readonly Fault[]): Fault[] {
  return faults.toSorted((a, b) => a.page.localeCompare(b.page) || a.line - b.line);
}

async function temporaryDirectory(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-snippets-'));
  // A moment later than the processes that are using it end.
  const revokeCleanUp = exitCleanUp('sleep 4; rm -rf -- "$1"', [path]);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await rm(path, { recursive: true, force: true });
      revokeCleanUp();
    },
  };
}
