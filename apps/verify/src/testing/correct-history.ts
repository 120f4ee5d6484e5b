import * as fc from 'fast-check';
import type { HistoryEvent } from '../prove/history/events.ts';
import { CLIENTS, FOREIGN_TOPIC, SimulatedInstallation, type Step, TOPICS } from './simulated-installation.ts';

const client = fc.constantFrom(...CLIENTS);
const topic = fc.constantFrom(...TOPICS);
const only = <const T extends string>(...names: T[]) => fc.constantFrom(...names);
const answer = fc.oneof(
  { weight: 8, arbitrary: only('ok') },
  { weight: 1, arbitrary: only('refused', 'taken', 'in-vain') },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 24, arbitrary: fc.record({ do: only('publish'), topic, answer }) },
  { weight: 2, arbitrary: fc.record({ do: only('again'), topic }) },
  { weight: 2, arbitrary: fc.record({ do: only('publish'), topic: only(FOREIGN_TOPIC), answer: only('ok') }) },
  { weight: 3, arbitrary: fc.record({ do: only('write'), client }) },
  { weight: 2, arbitrary: fc.record({ do: only('view'), client }) },
  { weight: 2, arbitrary: fc.record({ do: only('register'), client }) },
  { weight: 1, arbitrary: fc.record({ do: only('unregister', 'disconnect'), client }) },
  { weight: 3, arbitrary: fc.record({ do: only('cut'), client }) },
  { weight: 6, arbitrary: fc.record({ do: only('subscribe'), client, topic }) },
  { weight: 6, arbitrary: fc.record({ do: only('unsubscribe'), client, topic }) },
  { weight: 7, arbitrary: fc.record({ do: only('connect'), client, resumes: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: only('renew'), topic }) },
  { weight: 1, arbitrary: fc.record({ do: only('save') }) },
  { weight: 1, arbitrary: fc.record({ do: only('clock-back') }) },
  { weight: 1, arbitrary: fc.record({ do: only('forget') }) },
);

/** Of clients that change their minds while they have no connection. */
export const absentSteps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: only('publish'), topic: only('a'), answer: only('ok') }) },
  { weight: 3, arbitrary: fc.record({ do: only('cut'), client: only('client-1') }) },
  { weight: 3, arbitrary: fc.record({ do: only('unsubscribe'), client: only('client-1'), topic: only('a') }) },
  { weight: 3, arbitrary: fc.record({ do: only('subscribe'), client: only('client-1'), topic: only('a') }) },
  { weight: 2, arbitrary: fc.record({ do: only('connect'), client: only('client-1'), resumes: fc.constant(true) }) },
);

/** Histories of an installation that does everything right, as a model of it makes them. */
export function correctHistory(length = 80, some = step): fc.Arbitrary<HistoryEvent[]> {
  const steps = fc.array(fc.tuple(some, fc.integer({ min: 1, max: 700 })), { minLength: 20, maxLength: length });
  return steps.map((all) => {
    const installation = new SimulatedInstallation();
    for (const [action, milliseconds] of all) installation.take(action, milliseconds);
    return installation.end();
  });
}
