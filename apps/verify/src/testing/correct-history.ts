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
  { weight: 1, arbitrary: fc.record({ do: only('trim'), topic }) },
  { weight: 1, arbitrary: fc.record({ do: only('cut-off', 'catch-up'), client }) },
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

/** Of a connection that is cut off while Redis goes back, with a clock that may be behind. */
export const cutOffSteps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ do: only('publish'), topic: only('a'), answer: only('ok', 'ok', 'ok', 'taken') }),
  },
  { weight: 3, arbitrary: fc.record({ do: only('save', 'forget', 'forget', 'clock-back') }) },
  { weight: 2, arbitrary: fc.record({ do: only('trim'), topic: only('a') }) },
  { weight: 3, arbitrary: fc.record({ do: only('cut-off', 'catch-up'), client: only('client-1') }) },
  { weight: 1, arbitrary: fc.record({ do: only('renew'), topic: only('a') }) },
  { weight: 2, arbitrary: fc.record({ do: only('subscribe'), client: only('client-1'), topic: only('a') }) },
);

/** Histories of an installation that does everything right, as a model of it makes them. */
export function correctHistory(length = 80, some = step): fc.Arbitrary<HistoryEvent[]> {
  const steps = fc.array(fc.tuple(some, fc.integer({ min: 1, max: 700 })), { minLength: 20, maxLength: length });
  return steps.map(historyOf);
}

/** Those in which a log goes back, grows past what a connection that is cut off has of it, and is trimmed. */
export function outgrownHistory(): fc.Arbitrary<HistoryEvent[]> {
  const publish = fc.constant<Step>({ do: 'publish', topic: 'a', answer: 'ok' });
  const some = (minLength: number, maxLength: number) => fc.array(publish, { minLength, maxLength });
  return fc.tuple(some(0, 3), some(1, 2), some(6, 24), some(0, 3)).map(([kept, lost, since, last]) => {
    const back: Step[] = [{ do: 'cut-off', client: 'client-1' }, { do: 'clock-back' }, { do: 'forget' }];
    const ahead: Step[] = [...since, { do: 'trim', topic: 'a' }, ...last, { do: 'catch-up', client: 'client-1' }];
    const steps: Step[] = [...kept, { do: 'save' }, ...lost, ...back, ...ahead];
    return historyOf(steps.map((each) => [each, 5]));
  });
}

function historyOf(steps: readonly (readonly [Step, number])[]): HistoryEvent[] {
  const installation = new SimulatedInstallation();
  for (const [action, milliseconds] of steps) installation.take(action, milliseconds);
  return installation.end();
}
