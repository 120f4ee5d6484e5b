import type { Context, Measure } from './measures/measure.ts';
import type { Peer } from './peers/peer.ts';
import { type MeasureResult, type Round, rowOf } from './result.ts';

/** Runs a measure with every peer in turn, A B C A B C …: what disturbs the machine for a while disturbs them all. */
export async function runMeasure(
  measure: Measure,
  peers: readonly Peer[],
  context: Context,
  log: (line: string) => void,
): Promise<MeasureResult> {
  const { amounts, signal } = context;
  const metrics = measure.metrics(amounts);
  const rounds = new Map<Peer, Round[]>(peers.map((peer) => [peer, []]));
  for (let round = 1; round <= amounts.rounds; round += 1) {
    for (const [peer, done] of rounds) {
      signal.throwIfAborted();
      const outcome = await oneRound(measure, peer, context);
      done.push(outcome);
      log(`${measure.name} ${round}/${amounts.rounds}, ${peer.name}: ${describe(outcome)}`);
    }
  }
  const rows = [...rounds].map(([peer, done]) => rowOf(peer.name, metrics, done));
  return { name: measure.name, title: measure.title, about: measure.about(amounts), metrics, rows };
}

/** A peer that fails fails for its own row: the others are measured all the same, and the table says what happened. */
async function oneRound(measure: Measure, peer: Peer, context: Context): Promise<Round> {
  try {
    return { figures: await measure.run(peer, context) };
  } catch (error) {
    context.signal.throwIfAborted();
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}

function describe(round: Round): string {
  if ('failure' in round) return `FAILED: ${round.failure}`;
  return Object.entries(round.figures)
    .map(([id, figure]) => `${id} ${figure === null ? 'n/a' : Math.round(figure * 100) / 100}`)
    .join(', ');
}
