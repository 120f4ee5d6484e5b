import { type Surroundings, exitCodes, runTool } from '@holdfast/harness/program';
import { type Plan, readPlan } from './command-line.ts';
import { describeMachine, perProcess } from './machine.ts';
import type { Context, Measure } from './measures/measure.ts';
import { compiled } from './native.ts';
import type { Peer, PeerContext } from './peers/peer.ts';

import { pictureOf, publishResult, resultText } from './report.ts';
import { type MeasureResult, type PeerNote, type Result, type Round, rowOf } from './result.ts';
import { Session } from './session.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** `npm run bench`: measures peers beside each other, from its arguments to its exit code. */
export function compare(args: readonly string[], surroundings: Surroundings): Promise<number> {
  return runTool(
    surroundings,
    () => readPlan(args),
    async (plan) => {
      const { display, signal } = surroundings;
      const result = await runAll(plan, (line) => display.log(line), signal);
      await publishResult(result, plan, { txt: resultText(result), svg: pictureOf(result) }, surroundings);
      const failed = result.measures.some(({ rows }) => rows.some(({ failures }) => failures.length > 0));
      return failed ? exitCodes.failed : exitCodes.ok;
    },
  );
}

async function runAll(plan: Plan, log: (line: string) => void, signal: AbortSignal): Promise<Result> {
  await using directory = await temporaryDirectory();
  const peerContext: PeerContext = { directory: directory.path, perProcess: await perProcess(), log };
  // Before anything else: without it there is nothing to measure with.
  await compiled('generator');
  const isForAll = plan.measures.some(({ peers }) => peers === undefined);
  const { notes, usable } = await preparePeers(isForAll ? plan.peers : [], peerContext);
  const { amounts } = plan;
  const context: Context = {
    ...peerContext,
    amounts,
    signal,
    openSession: (peer, layout, settings = []) =>
      Session.start(peer, layout, peerContext, { size: amounts.size, settings, signal }),
  };
  const results: MeasureResult[] = [];
  for (const measure of plan.measures) {
    const own = measure.peers && (await preparePeers(measure.peers, peerContext));
    const taking = own?.usable ?? usable.filter(({ name }) => measure.onlyHoldfast !== true || name === 'holdfast');
    const result = await runMeasure(measure, taking, context);
    results.push({ ...result, ...(own && { peers: own.notes }) });
  }
  return { at: new Date().toISOString(), machine: await describeMachine(), amounts, peers: notes, measures: results };
}

/** A peer that cannot be had is named in the table, with the reason. */
async function preparePeers(
  wanted: readonly Peer[],
  context: PeerContext,
): Promise<{ notes: PeerNote[]; usable: Peer[] }> {
  const notes: PeerNote[] = [];
  const usable: Peer[] = [];
  for (const peer of wanted) {
    const found = await peer.prepare(context);
    const { name, description } = peer;
    if ('missing' in found) {
      notes.push({ name, description, version: null, missing: found.missing });
      context.log(`${name} is missing: ${found.missing}`);
    } else {
      notes.push({ name, description, version: found.version, missing: null });
      usable.push(peer);
    }
  }
  return { notes, usable };
}

/** Runs a measure with every peer in turn, A B C A B C …: what disturbs the machine for a while disturbs them all. */
async function runMeasure(measure: Measure, taking: readonly Peer[], context: Context): Promise<MeasureResult> {
  const { amounts, signal } = context;
  const metrics = measure.metrics(amounts);
  const rounds = new Map<Peer, Round[]>(taking.map((peer) => [peer, []]));
  for (let round = 1; round <= amounts.rounds; round += 1) {
    for (const [peer, done] of rounds) {
      signal.throwIfAborted();
      const outcome = await runRound(measure, peer, context);
      done.push(outcome);
      context.log(`${measure.name} ${round}/${amounts.rounds}, ${peer.name}: ${inWords(outcome)}`);
    }
  }
  const rows = [...rounds].map(([peer, done]) => rowOf(peer.name, metrics, done));
  const { name, title, published } = measure;
  return { name, title, about: measure.about(amounts), metrics, rows, ...(published && { published }) };
}

/** A failure is in the row of its peer; the others are measured all the same. */
async function runRound(measure: Measure, peer: Peer, context: Context): Promise<Round> {
  try {
    return { figures: await measure.run(peer, context) };
  } catch (error) {
    context.signal.throwIfAborted();
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}

function inWords(round: Round): string {
  if ('failure' in round) return `FAILED: ${round.failure}`;
  return Object.entries(round.figures)
    .map(([id, figure]) => `${id} ${figure === null ? 'n/a' : Math.round(figure * 100) / 100}`)
    .join(', ');
}
