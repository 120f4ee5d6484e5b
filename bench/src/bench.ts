import { CommanderError } from 'commander';
import { measures, peers } from './catalog.ts';
import { type Plan, readPlan } from './command-line.ts';
import { type Outside, exitCodes } from './exit-codes.ts';
import { describeMachine, perProcess } from './machine.ts';
import type { Context } from './measures/measure.ts';
import { NotCompiled, compiled } from './native.ts';
import type { Peer, Surroundings } from './peers/peer.ts';
import { keepResult } from './report/keep.ts';
import { resultText } from './report/table.ts';
import type { PeerNote, Result } from './result.ts';
import { runMeasure } from './rounds.ts';
import { scale } from './scale/scale.ts';
import { Session } from './session.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** The whole tool: from its arguments to its exit code. */
export async function bench(args: readonly string[], outside: Outside): Promise<number> {
  const [first, ...rest] = args;
  return first === 'scale' ? scale(rest, outside) : compare(args, outside);
}

/** Measures peers beside each other. */
async function compare(args: readonly string[], { print, log, signal }: Outside): Promise<number> {
  let plan: Plan;
  try {
    plan = readPlan(args, { measures, peers });
  } catch (error) {
    // Commander has logged what is wrong, or printed its help.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.measured : exitCodes.badArguments;
    throw error;
  }
  try {
    const result = await runAll(plan, log, signal);
    print(plan.json ? `${JSON.stringify(result, null, 2)}\n` : resultText(result));
    if (plan.keep !== null) log(`Kept as ${(await keepResult(plan.keep, result)).join(', ')}`);
    const failed = result.measures.some(({ rows }) => rows.some(({ failures }) => failures.length > 0));
    return failed ? exitCodes.failed : exitCodes.measured;
  } catch (error) {
    if (signal.aborted) {
      log('Interrupted; nothing of it is left running.');
      return exitCodes.interrupted;
    }
    if (!(error instanceof NotCompiled)) throw error;
    log(`The load generator cannot be built: ${error.message}`);
    return exitCodes.failed;
  }
}

async function runAll(plan: Plan, log: (line: string) => void, signal: AbortSignal): Promise<Result> {
  await using directory = await temporaryDirectory();
  const surroundings: Surroundings = { directory: directory.path, perProcess: await perProcess(), log };
  // Before anything else: without it there is nothing to measure with.
  await compiled('generator');
  const { notes, usable } = await preparePeers(plan.peers, surroundings);
  const { amounts } = plan;
  const context: Context = {
    amounts,
    signal,
    openSession: (peer, layout, settings) =>
      Session.start(peer, layout, surroundings, { size: amounts.size, settings: settings ?? [], signal }),
    perProcess: surroundings.perProcess,
    log,
  };
  const results: Result['measures'] = [];
  for (const measure of plan.measures) {
    const taking = usable.filter(({ name }) => measure.onlyHoldfast !== true || name === 'holdfast');
    results.push(await runMeasure(measure, taking, context, log));
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
      surroundings.log(`${name} is missing: ${found.missing}`);
    } else {
      notes.push({ name, description, version: found.version, missing: null });
      usable.push(peer);
    }
  }
  return { notes, usable };
}
