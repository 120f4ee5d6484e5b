import { describe, expect, test } from 'vitest';
import { parseStart, subscriptionStart } from '../clients/state.ts';
import {
  type LogPage,
  type TopicState,
  continues,
  goesOnFrom,
  incarnationOf,
  isComplete,
  isCurrent,
  startNow,
} from './state.ts';

const page = (fields: Partial<LogPage>): LogPage => ({
  start: '1-0',
  incarnation: '0',
  last: '9-0',
  firstPrev: '5-0',
  contains: false,
  entries: [],
  ...fields,
});

describe('a position can be continued', () => {
  test('when it is the end, stands in the log, or is what came before the first entry', () => {
    expect(continues(page({}), '9-0')).toBe(true);
    expect(continues(page({ contains: true }), '7-0')).toBe(true);
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
    expect(isComplete(page({ contains: true }), '6-3')).toBe(true);
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

test('a log goes on before the first message that is kept after a position, or at its end', () => {
  expect(goesOnFrom({ last: '9-0', entries: [{ prev: '5-0' }, { prev: '6-0' }] })).toBe('5-0');
  expect(goesOnFrom({ last: '9-0', entries: [] })).toBe('9-0');
});

describe('a subscription', () => {
  const state: TopicState = {
    history: { size: 1, seconds: 1 },
    start: '5-71',
    incarnation: '71',
    last: '9-0',
    expireSeconds: null,
    presence: null,
    dormant: false,
  };

  test('that starts now starts behind the last message, and names the incarnation of the topic', () => {
    expect(startNow(state)).toBe('9-0 71');
    expect(parseStart(startNow(state))).toEqual({ position: '9-0', incarnation: incarnationOf(state.start) });
  });

  test('is to the topic of its incarnation, wherever its position is', () => {
    for (const position of ['0-0', '4-7', '5-71', '9-0', '999999-0']) {
      expect(isCurrent(state, subscriptionStart(position, '71'))).toBe(true);
      expect(isCurrent(state, subscriptionStart(position, '72'))).toBe(false);
    }
  });

  test('is to no topic when there is none, or when it names no incarnation', () => {
    expect(isCurrent(null, '9-0 71')).toBe(false);
    expect(isCurrent(state, '9-0')).toBe(false);
  });
});
