import { describe, expect, test } from 'vitest';
import { NO_IDENTITY } from '../clients/state.ts';
import { UnexpectedAnswer, answerOf, clientOf, listOf, logPageOf, numberOf, topicOf } from './replies.ts';

describe('an answer of a script', () => {
  test('is taken apart by its kind', () => {
    expect(answerOf('claim', [1, ['k', 'mobile']])).toEqual({ kind: 1, rest: [['k', 'mobile']] });
    expect(numberOf('settle', 1)).toBe(1);
  });

  test('of another form is our bug, and the error names the script', () => {
    for (const wrong of [null, 1, [], ['1'], 'OK']) {
      expect(() => answerOf('claim', wrong)).toThrow(UnexpectedAnswer);
    }
    expect(() => numberOf('settle', '1')).toThrow('"settle" answered "1"');
  });
});

describe('a client', () => {
  test('is read from the fields that it has', () => {
    const fields = ['k', 'mobile', 'r', '5', 'o', '71', '+news', '7-0 8', '++', '8-0 9', '-left', '3-0,4-0,8'];
    expect(clientOf('c', fields)).toEqual({
      clientId: 'c',
      key: 'mobile',
      name: null,
      registeredAt: 5,
      incarnation: '71',
      owner: null,
      lastGeneration: 0,
      notify: [],
      since: 5,
      disconnectUpTo: 0,
      ownPosition: '5-71',
      topics: new Map([
        ['news', '7-0 8'],
        ['+', '8-0 9'],
      ]),
      closed: new Map([['left', '3-0,4-0,8']]),
      ended: { count: 0, lastAt: 0 },
      identity: NO_IDENTITY,
    });
  });

  test('has an owner unless that is marked as gone, and notifies the edge of the owner and of the one before', () => {
    const owned = ['k', 'mobile', 'r', '5', 'o', '71', 'e', 'e2', 'c', '17', 's', '6', 'x', '16', 'm', '9-3'];
    expect(clientOf('c', owned)).toMatchObject({
      owner: { edge: 'e2', generation: 17 },
      notify: ['e2'],
      since: 6,
      disconnectUpTo: 16,
      ownPosition: '9-3',
    });
    expect(clientOf('c', [...owned, 'p', 'e1'])?.notify).toEqual(['e2', 'e1']);
    expect(clientOf('c', [...owned, 'p', 'e2'])?.notify).toEqual(['e2']);
    expect(clientOf('c', [...owned, 'd', '1'])).toMatchObject({ owner: null, notify: ['e2'] });
  });

  test('is null when there is nothing', () => {
    expect(clientOf('c', [])).toBeNull();
    expect(clientOf('c', null)).toBeNull();
  });
});

test('a topic is null unless all of it is there', () => {
  expect(topicOf(['10', '20', '1-71', '2-0'])).toEqual({
    history: { size: 10, seconds: 20 },
    start: '1-71',
    incarnation: '71',
    last: '2-0',
    expireSeconds: null,
    presence: null,
    dormant: false,
  });
  const presence = { by: 'user', show: 'members', limit: 1000, graceSeconds: 5 } as const;
  expect(topicOf(['10', '20', '1-71', '2-0', '60', JSON.stringify(presence), '1'])).toMatchObject({
    expireSeconds: 60,
    presence,
    dormant: true,
  });
  expect(topicOf(['0', '20', '1-0', '2-0'])?.history.size).toBe(0);
  expect(topicOf([null, null, null, null])).toBeNull();
  expect(topicOf(['10', '20', null, '2-0'])).toBeNull();
});

test('a page of a log keeps data as bytes', () => {
  const [id, prev, data] = [Buffer.from('2-0'), Buffer.from('1-0'), Buffer.from([0xff, 0x00])];
  const whole = [Buffer.from('1-71'), Buffer.from('2-0'), Buffer.from('1-0'), 1, [id, prev, data]];
  expect(logPageOf(whole)).toEqual({
    start: '1-71',
    incarnation: '71',
    last: '2-0',
    firstPrev: '1-0',
    contains: true,
    entries: [{ id: '2-0', prev: '1-0', data }],
  });
  expect(logPageOf([...whole, [], [0, Buffer.from('17.4')]]).entries).toEqual([
    { id: '2-0', prev: '1-0', data, except: '17.4' },
  ]);
  expect(() => logPageOf(['1-0', '2-0', '', 0, ['2-0', '1-0', 'text']])).toThrow(UnexpectedAnswer);
});

test('a list written as JSON has as many answers as were asked for', () => {
  expect(listOf('claim', '[[0],[4]]', 2)).toEqual([[0], [4]]);
  for (const wrong of ['[[0]]', '{}', null, ['[[0],[4]]']]) {
    expect(() => listOf('claim', wrong, 2)).toThrow(UnexpectedAnswer);
  }
});
