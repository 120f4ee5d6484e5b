import { expect, it } from 'vitest';
import { ExplainedHistory } from '../testing/explained-history.ts';
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
