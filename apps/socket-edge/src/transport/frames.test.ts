import * as ws from 'ws';
import { describe, expect, it } from 'vitest';
import { PING_FRAME, PONG_FRAME, controlFrame, messageEncoder, textFrame } from './frames.ts';

/** What ws itself makes of bytes from a server: a receiver that refuses whatever breaks the protocol. */
interface Receiver extends NodeJS.WritableStream {
  on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): this;
  on(event: 'ping', listener: (data: Buffer) => void): this;
  on(event: 'error', listener: (error: Error) => void): this;
}
// The types of ws do not name it.
const { Receiver } = ws as unknown as { Receiver: new (options: { isServer: boolean }) => Receiver };

async function received(bytes: Buffer): Promise<{ texts: Buffer[]; pings: number }> {
  const receiver = new Receiver({ isServer: false });
  const texts: Buffer[] = [];
  let pings = 0;
  receiver.on('message', (data, isBinary) => {
    expect(isBinary).toBe(false);
    texts.push(Buffer.from(data));
  });
  receiver.on('ping', () => {
    pings += 1;
  });
  await new Promise<void>((resolve, reject) => {
    receiver.on('error', reject);
    receiver.write(bytes, () => resolve());
  });
  return { texts, pings };
}

describe('a text frame', () => {
  it.each([0, 1, 124, 125, 126, 127, 65_534, 65_535, 65_536, 65_537, 200_000])(
    'of %i bytes is read by ws as it was written',
    async (length) => {
      const text = 'x'.repeat(length);
      expect(await received(textFrame(text))).toEqual({ texts: [Buffer.from(text)], pings: 0 });
    },
  );

  it('counts bytes, not characters', async () => {
    const text = '€'.repeat(42); // 126 bytes
    expect(await received(textFrame(text))).toEqual({ texts: [Buffer.from(text)], pings: 0 });
  });

  it('may follow another one in the same write', async () => {
    const bytes = Buffer.concat([textFrame('a'), PING_FRAME, textFrame('b'.repeat(300)), PONG_FRAME]);
    const { texts, pings } = await received(bytes);
    expect(texts.map(String)).toEqual(['a', 'b'.repeat(300), '{"type":"pong"}']);
    expect(pings).toBe(1);
  });
});

describe('a message frame', () => {
  const encode = messageEncoder('news.sport');

  it('carries the data byte for byte, also where JSON could be written otherwise', async () => {
    const data = '{ "n": 1.0,\t"big": 12345678901234567890, "é": "\\u00e9", "n": 2 }';
    const { texts } = await received(encode('1700000000001-0', Buffer.from(data)));
    expect(String(texts[0])).toBe(`{"type":"message","topic":"news.sport","id":"1700000000001-0","data":${data}}`);
  });

  const envelope = '{"type":"message","topic":"news.sport","id":"1-0","data":';

  // The lengths of the payload at which the header grows.
  it.each([59, 124, 125, 126, 127, 65_534, 65_535, 65_536, 70_000])(
    'with a payload of %i bytes is whole',
    async (length) => {
      const data = '7'.repeat(length - envelope.length - 1);
      const { texts } = await received(encode('1-0', Buffer.from(data)));
      expect(texts.map((text) => text.length)).toEqual([length]);
      expect(texts[0]?.equals(Buffer.from(`${envelope}${data}}`))).toBe(true);
    },
  );

  it('keeps bytes that are no UTF-8 as they are', () => {
    const data = Buffer.from([0x22, 0xff, 0xfe, 0x22]);
    expect(encode('1-0', data).includes(data)).toBe(true);
  });
});

describe('a message frame of a channel', () => {
  const encode = messageEncoder('!app!room');

  it.each([0, 125, 126, 65_535, 65_536])('is the data and nothing else: %i bytes', async (length) => {
    const data = Buffer.alloc(length, 'x');
    const { texts } = await received(encode('1700000000001-0', data));
    expect(texts).toHaveLength(1);
    expect(texts[0]?.equals(data)).toBe(true);
  });
});

it('a control frame is its JSON', async () => {
  const { texts } = await received(controlFrame({ type: 'lost', topic: 'ä', after: '1-0', position: '2-0' }));
  expect(JSON.parse(String(texts[0]))).toEqual({ type: 'lost', topic: 'ä', after: '1-0', position: '2-0' });
});
