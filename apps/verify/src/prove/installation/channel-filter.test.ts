import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { channelFilter } from './channel-filter.ts';

function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}

function pushed(channel: string, payload: string): string {
  return `>3\r\n${bulk('smessage')}${bulk(channel)}${bulk(payload)}`;
}

/** Replies of every type, none of them a message. */
const other = fc.constantFrom(
  '+OK\r\n',
  ':42\r\n',
  '-ERR no\r\n',
  '_\r\n',
  '#t\r\n',
  ',1.5\r\n',
  '$-1\r\n',
  '$0\r\n\r\n',
  '*-1\r\n',
  '*0\r\n',
  `*2\r\n:1\r\n*1\r\n${bulk('smessage')}`,
  `%1\r\n${bulk('a')}:1\r\n`,
  `|1\r\n${bulk('ttl')}:1\r\n${bulk('value')}`,
  `=7\r\ntxt:abc\r\n`,
  `>3\r\n${bulk('ssubscribe')}${bulk('muted')}:1\r\n`,
);
const message = fc.record({
  channel: fc.constantFrom('muted', 'kept', 'mute'),
  payload: fc.string({ unit: 'grapheme' }).map((text) => `${text}\r\n>3\r\n`),
});
const replies = fc.array(fc.oneof(other, message), { maxLength: 20 });

describe('a connection with muted channels', () => {
  it('passes everything but the messages of a channel, however the bytes are cut', () => {
    fc.assert(
      fc.property(replies, fc.integer({ min: 1, max: 40 }), (all, size) => {
        let dropped = 0;
        const texts = all.map((reply) => (typeof reply === 'string' ? reply : pushed(reply.channel, reply.payload)));
        const kept = texts.filter((_, index) => {
          const reply = all[index];
          return typeof reply === 'string' || reply?.channel !== 'muted';
        });
        const filter = channelFilter(
          (channel) => channel === 'muted',
          () => (dropped += 1),
        );
        const bytes = Buffer.from(texts.join(''));
        const passed: Buffer[] = [];
        for (let at = 0; at < bytes.length; at += size) passed.push(filter(bytes.subarray(at, at + size)));
        expect(Buffer.concat(passed).toString()).toBe(kept.join(''));
        expect(dropped).toBe(texts.length - kept.length);
      }),
      { numRuns: 500 },
    );
  });
});
