import { describe, expect, test } from 'vitest';
import { type LogPage, continues, isComplete, isCurrent } from './topic-state.ts';

const page = (fields: Partial<LogPage>): LogPage => ({
  born: '1-0',
  last: '9-0',
  firstPrev: '5-0',
  stands: false,
  entries: [],
  ...fields,
});

describe('a position can be continued', () => {
  test('when it is the end, stands in the log, or is what came before the first entry', () => {
    expect(continues(page({}), '9-0')).toBe(true);
    expect(continues(page({ stands: true }), '7-0')).toBe(true);
    expect(continues(page({}), '5-0')).toBe(true);
  });

  test('when it is none of these never, though it lies within', () => {
    for (const position of ['7-0', '4-0', '1-0', '99-0']) expect(continues(page({}), position)).toBe(false);
  });

  test('when the log is empty only if it is the end', () => {
    expect(continues(page({ firstPrev: null }), '9-0')).toBe(true);
    expect(continues(page({ firstPrev: null }), '5-0')).toBe(false);
  });
});

describe('a log is complete', () => {
  test('from a position on when it can be continued from there', () => {
    expect(isComplete(page({}), '5-0')).toBe(true);
    expect(isComplete(page({ stands: true }), '6-3')).toBe(true);
    expect(isComplete(page({}), '9-0')).toBe(true);
  });

  test('never from a position of which the log knows nothing: it may be one of a log that is gone', () => {
    for (const position of ['4-9', '6-3', '99-0']) expect(isComplete(page({}), position)).toBe(false);
  });

  test('from the beginning on when nothing was ever gone', () => {
    expect(isComplete(page({}), null)).toBe(false);
    expect(isComplete(page({ firstPrev: '1-0' }), null)).toBe(true);
    expect(isComplete(page({ firstPrev: '1-0' }), '0-0')).toBe(true);
    expect(isComplete(page({ firstPrev: null }), null)).toBe(false);
    expect(isComplete(page({ firstPrev: null, last: '1-0' }), null)).toBe(true);
  });
});

test('a subscription is to the topic that exists if it began when that was there', () => {
  const state = { history: { size: 1, seconds: 1 }, born: '5-0', last: '9-0' };
  expect(isCurrent(state, '5-0')).toBe(true);
  expect(isCurrent(state, '9-0')).toBe(true);
  expect(isCurrent(state, '4-7')).toBe(false);
  expect(isCurrent(null, '9-0')).toBe(false);
});
