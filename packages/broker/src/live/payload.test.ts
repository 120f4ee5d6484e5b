import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { presenceUpdate } from '../presence/state.ts';
import {
  DELETED,
  LISTENING,
  RENEW,
  SETTINGS,
  TERMINATE,
  decodeLive,
  encodeCount,
  encodeProbe,
  encodeServed,
} from './payload.ts';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const decode = (text: string) => decodeLive(Buffer.from(text));

describe('what travels on a live channel', () => {
  test('is a message with the bytes that were published, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(), fc.nat(), (bytes, time, sequence) => {
        const data = Buffer.from(bytes);
        const payload = Buffer.concat([Buffer.from(`${time}-0 ${time}-${sequence} `), data]);
        expect(decodeLive(payload)).toEqual({ kind: 'message', prev: `${time}-0`, id: `${time}-${sequence}`, data });
      }),
    );
  });

  test('is a message with the traceparent of its publish in front, where that is traced', () => {
    const data = Buffer.from('{"a":"b c"}');
    expect(decode(`traced ${TRACEPARENT} 1-0 2-0 {"a":"b c"}`)).toEqual({
      kind: 'message',
      prev: '1-0',
      id: '2-0',
      data,
      traceparent: TRACEPARENT,
    });
    for (const torn of ['traced ', `traced ${TRACEPARENT}`, `traced ${TRACEPARENT} 1-0 2-0`]) {
      expect(decode(torn)).toEqual({ kind: 'foreign' });
    }
  });

  test('is a message with the subscriber that does not get it in front, where there is one', () => {
    const data = Buffer.from('{"a":"b c"}');
    const payload = decode('except 17.4 1-0 2-0 {"a":"b c"}');
    expect(payload).toEqual({ kind: 'message', prev: '1-0', id: '2-0', data, except: '17.4' });
    for (const torn of ['except ', 'except 17.4', 'except 17.4 1-0', 'except 17.4 1-0 2-0']) {
      expect(decode(torn)).toEqual({ kind: 'foreign' });
    }
  });

  test('is how many subscribers a channel has', () => {
    expect(decode('subscribers 0')).toEqual({ kind: 'subscribers', count: 0 });
    expect(decode('subscribers 120')).toEqual({ kind: 'subscribers', count: 120 });
    for (const other of ['subscribers', 'subscribers ', 'subscribers -1', 'subscribers 1e3', 'subscribers x']) {
      expect(decode(other)).toEqual({ kind: 'foreign' });
    }
  });

  test('is a word about the topic, the edge or a client', () => {
    expect(decode(DELETED)).toEqual({ kind: 'deleted' });
    expect(decode(SETTINGS)).toEqual({ kind: 'settings' });
    expect(decode(TERMINATE)).toEqual({ kind: 'terminate' });
    expect(decode(RENEW)).toEqual({ kind: 'renew' });
    expect(decode(LISTENING)).toEqual({ kind: 'listening' });
    expect(decode(encodeCount('q1'))).toEqual({ kind: 'count', surveyId: 'q1' });
    expect(decode(encodeServed('q1', 'c1'))).toEqual({ kind: 'served', surveyId: 'q1', clientId: 'c1' });
    expect(decode(encodeProbe('n1'))).toEqual({ kind: 'probe', nonce: 'n1' });
  });

  test('is a version of presence, with its update as it was sent', () => {
    const data = '{"joined":[["ü","{}"],["b",""]],"left":["c"]}';
    const payload = decode(`presence 1764329000000 3 ${data}`);
    expect(payload).toEqual({ kind: 'presence', version: 1_764_329_000_000, count: 3, data: Buffer.from(data) });
    expect(presenceUpdate(Buffer.from(data))).toEqual({
      kind: 'changes',
      joined: [
        { id: 'ü', info: '{}' },
        { id: 'b', info: null },
      ],
      left: ['c'],
    });
    expect(presenceUpdate(Buffer.from('count'))).toEqual({ kind: 'count' });
    for (const other of ['reset', '', 'null', '{"joined":{}}']) {
      expect(presenceUpdate(Buffer.from(other))).toEqual({ kind: 'reset' });
    }
  });

  test.each([
    'presence ',
    'presence x 1 count',
    'presence 1 x count',
    'presence 1 count',
    '',
    ' ',
    'count',
    'served q1',
    encodeProbe(''),
    'novel 1 2',
    '1-0',
    '1-0 2-0',
    '"text"',
    '\u0000',
  ])('may be foreign: %j', (text) => {
    expect(decode(text)).toEqual({ kind: 'foreign' });
  });

  test('never makes the decoder throw', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(decodeLive(Buffer.from(bytes)).kind).toBeTypeOf('string');
      }),
    );
  });
});
