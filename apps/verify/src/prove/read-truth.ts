import type { Position } from '@holdfast/protocol/position-order';
import { type Publication, type TopicTruth, type TruthFault, settle } from './checker/truth.ts';
import type { Control } from './control.ts';
import type { Injection } from './fault.ts';
import { tokenOf } from './payload.ts';
import type { Scene } from './scene.ts';

/** Some faults publish messages of 60 kB. */
const PAGE = 200;

/** Joins what publishers were told with what the logs have. */
export async function readTruth(
  { topics, control, publisher }: Scene,
  injection: Injection,
): Promise<{ truths: TopicTruth[]; truthFaults: TruthFault[] }> {
  const all = publisher.publications.map((publication) => asRefused(publication, injection));
  const truths: TopicTruth[] = [];
  const truthFaults: TruthFault[] = [];
  for (const topic of topics) {
    const log = await readLog(control, topic);
    const publications = all.filter((publication) => publication.topic === topic);
    const settled = settle(topic, publications, log);
    truths.push(settled.truth);
    truthFaults.push(...settled.faults);
  }
  return { truths, truthFaults };
}

/** While Redis takes no writes, a 503 says for certain that nothing was published. */
function asRefused(publication: Publication, { refusing }: Injection): Publication {
  const { askedAt, answeredAt, outcome } = publication;
  if (refusing === undefined || askedAt < refusing.from || answeredAt > refusing.to) return publication;
  if (outcome.kind !== 'unknown' || outcome.status === undefined) return publication;
  return { ...publication, outcome: { kind: 'refused', status: outcome.status } };
}

async function readLog(control: Control, topic: string): Promise<{ id: Position; token: string }[]> {
  const log: { id: Position; token: string }[] = [];
  for (;;) {
    const after = log.at(-1)?.id;
    const { messages, more } = await control.retrying((rest, signal) =>
      rest.history(topic, { after, limit: PAGE, signal }),
    );
    for (const { id, data } of messages) log.push({ id, token: tokenOf(data) });
    if (more !== true) return log;
  }
}
