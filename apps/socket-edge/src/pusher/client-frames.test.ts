import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeClientFrame } from './client-frames.ts';

describe('a frame of a client', () => {
  it.each<[text: string, frame: object]>([
    ['{"event":"pusher:ping","data":{}}', { kind: 'ping' }],
    ['{"event":"pusher:pong","data":{}}', { kind: 'pong' }],
    [
      '{"event":"pusher:subscribe","data":{"auth":"","channel":"my-channel"}}',
      { kind: 'subscribe', channel: 'my-channel', auth: '', channelData: null },
    ],
    [
      '{"event":"pusher:subscribe","data":{"auth":"k:ab","channel_data":"{}","channel":"presence-a"}}',
      { kind: 'subscribe', channel: 'presence-a', auth: 'k:ab', channelData: '{}' },
    ],
    [
      '{"event":"pusher:subscribe","data":{"auth":null,"channel_data":null,"channel":"a"}}',
      { kind: 'subscribe', channel: 'a', auth: '', channelData: null },
    ],
    [
      '{"event":"pusher:subscribe","data":"{\\"channel\\":\\"a\\"}"}',
      { kind: 'subscribe', channel: 'a', auth: '', channelData: null },
    ],
    ['{"event":"pusher:unsubscribe","data":{"channel":"a"}}', { kind: 'unsubscribe', channel: 'a' }],
    [
      '{"event":"pusher:signin","data":{"auth":"k:ab","user_data":"{}"}}',
      { kind: 'sign-in', auth: 'k:ab', userData: '{}' },
    ],
    [
      '{"event":"client-a","channel":"private-a","data": {"a" : 1.0} }',
      { kind: 'client-event', event: 'client-a', channel: 'private-a', data: '{"a" : 1.0}' },
    ],
    [
      '{"event":"client-a","channel":"private-a"}',
      { kind: 'client-event', event: 'client-a', channel: 'private-a', data: 'null' },
    ],
  ])('%s is read', (text, frame) => {
    expect(decodeClientFrame(text)).toEqual({ ok: true, frame });
  });

  it.each([
    '',
    'hello',
    'null',
    '[]',
    '{}',
    '{"event":1}',
    '{"event":"evt"}',
    '{"event":"pusher:subscribe"}',
    '{"event":"pusher:subscribe","data":[]}',
    '{"event":"pusher:subscribe","data":{"channel":1}}',
    '{"event":"pusher:subscribe","data":{"channel":"a","auth":1}}',
    '{"event":"pusher:subscribe","data":{"channel":"a","channel_data":{}}}',
    '{"event":"pusher:unsubscribe","data":{}}',
    '{"event":"pusher:signin","data":{"auth":"a"}}',
    '{"event":"pusher:other","data":{}}',
    '{"event":"pusher_internal:member_added","data":{}}',
    '{"event":"client-a","data":1}',
    `{"event":"client-${'a'.repeat(200)}","channel":"private-a"}`,
  ])('%s is refused with a reason', (text) => {
    expect(decodeClientFrame(text)).toEqual({ ok: false, why: expect.stringMatching(/./) });
  });

  it('whatever it is never throws', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.json({ maxDepth: 2 }),
      fc
        .record({
          event: fc.constantFrom('pusher:subscribe', 'pusher:signin', 'client-a'),
          data: fc.jsonValue({ maxDepth: 2 }),
        })
        .map((frame) => JSON.stringify(frame)),
    );
    fc.assert(
      fc.property(anything, (text) => {
        expect(decodeClientFrame(text)).toHaveProperty('ok');
      }),
    );
  });
});
