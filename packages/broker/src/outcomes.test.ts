import { describe, expect, test } from 'vitest';
import { UnexpectedAnswer, answerOf, clientOf, logPageOf, numberOf, topicOf } from './outcomes.ts';

describe('an answer of a script', () => {
  test('is taken apart by its kind', () => {
    expect(answerOf('claim', [1, ['k', 'mobile']])).toEqual({ kind: 1, rest: [['k', 'mobile']] });
    expect(numberOf('settle', 1)).toBe(1);
  });

  test('of another form is our bug, and says which script', () => {
    for (const wrong of [null, 1, [], ['1'], 'OK']) {
      expect(() => answerOf('claim', wrong)).toThrow(UnexpectedAnswer);
    }
    expect(() => numberOf('settle', '1')).toThrow('"settle" answered "1"');
  });
});

describe('a client', () => {
  test('is read from the fields that it has', () => {
    expect(clientOf('c', ['k', 'mobile', 'r', '5', 'o', 'x', '+news', '7-0', '++', '8-0', '-left', '3-0,4-0'])).toEqual(
      {
        clientId: 'c',
        key: 'mobile',
        name: null,
        registeredAt: 5,
        owner: null,
        since: 5,
        unwanted: null,
        ownPosition: '5-0',
        topics: new Map([
          ['news', '7-0'],
          ['+', '8-0'],
        ]),
        ended: new Map([['left', '3-0,4-0']]),
      },
    );
  });

  test('is null when there is nothing', () => {
    expect(clientOf('c', [])).toBeNull();
    expect(clientOf('c', null)).toBeNull();
  });
});

test('a topic is null unless all of it is there', () => {
  expect(topicOf(['10', '20', '1-0', '2-0'])).toEqual({ history: { size: 10, seconds: 20 }, born: '1-0', last: '2-0' });
  expect(topicOf(['0', '20', '1-0', '2-0'])?.history.size).toBe(0);
  expect(topicOf([null, null, null, null])).toBeNull();
  expect(topicOf(['10', '20', null, '2-0'])).toBeNull();
});

test('a page of a log keeps data as bytes', () => {
  const [id, prev, data] = [Buffer.from('2-0'), Buffer.from('1-0'), Buffer.from([0xff, 0x00])];
  const whole = [Buffer.from('1-0'), Buffer.from('2-0'), Buffer.from('1-0'), 1, [id, prev, data]];
  expect(logPageOf(whole)).toEqual({
    born: '1-0',
    last: '2-0',
    firstPrev: '1-0',
    stands: true,
    entries: [{ id: '2-0', prev: '1-0', data }],
  });
  expect(() => logPageOf(['1-0', '2-0', '', 0, ['2-0', '1-0', 'text']])).toThrow(UnexpectedAnswer);
});
