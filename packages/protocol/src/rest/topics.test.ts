import { expect, test } from 'vitest';
import { MAX_HISTORY } from '../limits.ts';
import { putTopicRequest } from './topics.ts';

test('a topic can be created with any part of its settings, or none', () => {
  for (const body of [undefined, null, {}, { history: {} }, { history: { size: 0 } }, { history: { seconds: 1 } }]) {
    expect(putTopicRequest.parse(body)).toEqual(body);
  }
  expect(putTopicRequest.parse({ history: { ...MAX_HISTORY } })).toEqual({ history: MAX_HISTORY });
});

test.each([
  { history: { size: -1 } },
  { history: { size: 1.5 } },
  { history: { size: '10' } },
  { history: { size: MAX_HISTORY.size + 1 } },
  { history: { seconds: 0 } },
  { history: { seconds: MAX_HISTORY.seconds + 1 } },
  { history: { length: 1 } },
  { history: null },
  { size: 1 },
  [],
])('a topic is not created as %j', (body) => {
  expect(putTopicRequest.safeParse(body).success).toBe(false);
});
