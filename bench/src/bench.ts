import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastWill } from '@holdfast/local/last-will';
import { CommanderError } from 'commander';
import { measures, peers } from './catalog.ts';
import { type Plan, readPlan } from './command-line.ts';
import { describeMachine, descriptorLimit } from './machine.ts';
import type { Context } from './measures/measure.ts';
import { NotCompiled, compiled } from './native.ts';
import type { Peer, Surroundings } from './peers/peer.ts';
import { keepResult } from './report/keep.ts';
import { resultText } from './report/table.ts';
import type { PeerNote, Result } from './result.ts';
import { runMeasure } from './rounds.ts';
import { Session } from './session.ts';

export const exitCodes = { measured: 0, failed: 1, badArguments: 2, interrupted: 130 } as const;

/** Descriptors that a server needs besides its connections. */
const RESERVED_DESCRIPTORS = 500;

export interface Outside {
  /** For the result. */
  print: (text: string) => void;
  /** For what goes on meanwhile: a line for people. */
  say: (line: string) => void;
  signal: AbortSignal;
}

/** The whole tool: from its arguments to its exit code. */
export async function bench(args: readonly string[], { print, say, signal }: Outside): Promise<number> {
  let plan: Plan;
  try {
    plan = readPlan(args, { measures, peers });
  } catch (error) {
    // Commander has said what is wrong, or printed its help.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.measured : exitCodes.badArguments;
    throw error;
  }
  try {
    const result = await runAll(plan, say, signal);
    print(plan.json ? `${JSON.stringify(result, null, 2)}\n` : resultText(result));
    if (plan.keep !== null) say(`Kept as ${(await keepResult(plan.keep, result)).join(', ')}`);
    const failed = result.measures.some(({ rows }) => rows.some(({ failures }) => failures.length > 0));
    return failed ? exitCodes.failed : exitCodes.measured;
  } catch (error) {
    if (signal.aborted) {
      say('Interrupted; nothing of it is left running.');
      return exitCodes.interrupted;
    }
    if (!(error instanceof NotCompiled)) throw error;
    say(`The load generator cannot be built: ${error.message}`);
    return exitCodes.failed;
  }
}

async function runAll(plan: Plan, say: (line: string) => void, signal: AbortSignal): Promise<Result> {
  await using directory = await temporaryDirectory();
  const perProcess = (await descriptorLimit()) - RESERVED_DESCRIPTORS;
  const surroundings: Surroundings = { directory: directory.path, perProcess, say };
  // Before anything else: without it there is nothing to measure with.
  await compiled('generator');
  const { notes, usable } = await preparePeers(plan.peers, surroundings);
  const { amounts } = plan;
  const context: Context = {
    amounts,
    signal,
    openSession: (peer, layout, settings) =>
      Session.start(peer, layout, surroundings, { size: amounts.size, settings: settings ?? [], signal }),
    perProcess,
    say,
  };
  const results: Result['measures'] = [];
  for (const measure of plan.measures) {
    const taking = usable.filter(({ name }) => measure.onlyHoldfast !== true || name === 'holdfast');
    results.push(await runMeasure(measure, taking, context, say));
  }
  const machine = await describeMachine();
  return { at: new Date().toISOString(), machine, amounts, peers: notes, measures: results };
}

/** One that cannot be had is named in the table, with the reason. */
async function preparePeers(
  wanted: readonly Peer[],
  surroundings: Surroundings,
): Promise<{ notes: PeerNote[]; usable: Peer[] }> {
  const notes: PeerNote[] = [];
  const usable: Peer[] = [];
  for (const peer of wanted) {
    const found = await peer.prepare(surroundings);
    const { name, description } = peer;
    if ('missing' in found) {
      notes.push({ name, description, version: null, missing: found.missing });
      surroundings.say(`${name} is missing: ${found.missing}`);
    } else {
      notes.push({ name, description, version: found.version, missing: null });
      usable.push(peer);
    }
  }
  return { notes, usable };
}

async function temporaryDirectory(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-bench-'));
  const revokeWill = lastWill('rm -rf -- "$1"', [path]);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await rm(path, { recursive: true, force: true });
      revokeWill();
    },
  };
}
