import { expect, it } from 'vitest';
import { ExplainedHistory, type HistoryEvent } from '../testing/explained-history.ts';
import { judge } from './verdict.ts';

/** What is found of a message that was published before the client was registered, by so many milliseconds. */
function publishedBefore(ms: number) {
  const history = new ExplainedHistory();
  history.apply({ kind: 'publish' });
  history.register();
  history.apply({ kind: 'subscribe' });
  const [id = ''] = history.fates.keys();
  return { ...history.facts(id), registeredAt: Number.parseInt(id, 10) + ms };
}

it('whether a message is from before the registration is unknown when their clocks are too close to tell', () => {
  expect(judge(publishedBefore(1001)).verdict).toBe('not-registered-then');
  expect(judge(publishedBefore(999)).verdict).toBe('unknown');
  expect(judge(publishedBefore(-1)).verdict).toBe('not-subscribed-then');
});

/** What is found of the first message of a history. */
function verdictAfter(...events: HistoryEvent[]) {
  const history = new ExplainedHistory();
  history.register();
  for (const event of events) history.apply(event);
  const [id = ''] = history.fates.keys();
  return judge(history.facts(id)).verdict;
}

const connect = { kind: 'connect', resumes: true, overstates: false } as const;
const subscribe = { kind: 'subscribe' } as const;
const publish = { kind: 'publish' } as const;
const end = { kind: 'end', notedBy: 'own' } as const;

it('what a connection was sent is unknown when its note is missing, also when a later one has one', () => {
  const after = [{ kind: 'unsubscribe' } as const, connect, end];
  expect(verdictAfter(subscribe, connect, publish, end, ...after)).toBe('delivered');
  expect(verdictAfter(subscribe, connect, publish, { kind: 'end', notedBy: 'none' }, ...after)).toBe('unknown');
});

it('what was announced as lost counts when the client has given a sign of life since', () => {
  const before = [subscribe, connect, end, publish, { kind: 'trim' } as const, connect];
  expect(verdictAfter(...before, publish, end)).toBe('told-lost');
  expect(verdictAfter(...before, { kind: 'network-lost' }, end)).toBe('unknown');
});
