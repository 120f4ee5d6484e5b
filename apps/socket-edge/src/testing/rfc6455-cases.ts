import { OPCODE, type RawFrame, closing, rawFrame } from './raw-frame.ts';

/** What a client sends on an open connection, what RFC 6455 requires of the server, and what an edge answers. */
export interface FrameCase {
  section: string;
  what: string;
  requires: string;
  /** Written one after the other; each part in a packet of its own. */
  sends: readonly Buffer[];
  /** The frames that follow, as `readServerFrames` tells them. Behind a close frame comes the end of the connection. */
  seen: readonly string[];
}

/** One code for everything that breaks the protocol, so that clients have one thing to look for. */
const BROKEN = 'close 4400 bad-frame: broken, too large, or in too many pieces';
const PONG_FRAME = 'text {"type":"pong"}';
const PING_TEXT = '{"type":"ping"}';
const { text, binary, continued, close, ping, pong } = OPCODE;
/** What the edge still answers when it has taken a case: it is sent behind each case that does not end the connection. */
const PROBE = rawFrame({ opcode: ping, payload: 'probe' });
export const PROBED = 'pong probe';

const one = (...frames: RawFrame[]): Buffer[] => [Buffer.concat(frames.map(rawFrame))];
const each = (...frames: RawFrame[]): Buffer[] => frames.map(rawFrame);
const octets = (...frames: RawFrame[]): Buffer[] =>
  Array.from(Buffer.concat(frames.map(rawFrame)), (byte) => Buffer.from([byte]));
const half = Math.floor(PING_TEXT.length / 2);
/** A text that is sound UTF-8 and no frame of ours: that it was read shows in the reason. */
const FOREIGN = Buffer.from('{"type":"ping","κόσμε":1}');
const FOREIGN_SEEN = 'close 4400 bad-frame: frame: Unrecognized key: "κόσμε"';

function ok(
  section: string,
  what: string,
  requires: string,
  sends: readonly Buffer[],
  seen: readonly string[],
): FrameCase {
  return { section, what, requires, sends: [...sends, PROBE], seen: [...seen, PROBED] };
}

function fails(section: string, what: string, sends: readonly Buffer[], requires = 'fail the connection'): FrameCase {
  return { section, what, requires, sends, seen: [BROKEN] };
}

function closes(section: string, what: string, requires: string, sends: readonly Buffer[], seen: string): FrameCase {
  return { section, what, requires, sends, seen: [seen] };
}

const framing: FrameCase[] = [
  ok('5.6', 'a text', 'take it', one({ opcode: text, payload: PING_TEXT }), [PONG_FRAME]),
  ok('5.2', 'a text, octet by octet', 'take it', octets({ opcode: text, payload: PING_TEXT }), [PONG_FRAME]),
  ok(
    '5.2',
    'two texts in one packet',
    'take both',
    one({ opcode: text, payload: PING_TEXT }, { opcode: text, payload: PING_TEXT }),
    [PONG_FRAME, PONG_FRAME],
  ),
  closes(
    '5.6',
    'a binary message',
    'application: 1003 or a code of its own',
    one({ opcode: binary, payload: 'x' }),
    'close 4400 bad-frame: binary',
  ),
  fails(
    '5.1',
    'a frame without a mask',
    one({ opcode: text, payload: PING_TEXT, masked: false }),
    'close the connection; MAY be 1002',
  ),
  fails('5.1', 'a ping without a mask', one({ opcode: ping, masked: false }), 'close the connection; MAY be 1002'),
  ...[4, 2, 1, 7].map((reserved) =>
    fails(
      '5.2',
      `reserved bits ${reserved.toString(2).padStart(3, '0')}, no extension`,
      one({ opcode: text, payload: PING_TEXT, reserved }),
    ),
  ),
  fails('5.2', 'a ping with a reserved bit', one({ opcode: ping, reserved: 4 })),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => fails('5.2', `opcode ${opcode}, reserved`, one({ opcode }))),
];

const lengths: FrameCase[] = [
  closes(
    '5.2',
    'an empty text',
    'take it (it is no frame of ours)',
    one({ opcode: text }),
    'close 4400 bad-frame: not JSON',
  ),
  ok('5.2', '125 bytes in 7 bits', 'take it', one({ opcode: ping, payload: 'a'.repeat(125) }), [
    `pong ${'a'.repeat(125)}`,
  ]),
  ok('5.2', '126 bytes in 16 bits', 'take it', one({ opcode: text, payload: PING_TEXT.padEnd(126) }), [PONG_FRAME]),
  ok('5.2', '65,535 bytes in 16 bits', 'take it', one({ opcode: text, payload: PING_TEXT.padEnd(65_535) }), [
    PONG_FRAME,
  ]),
  ok('5.2', '65,536 bytes in 64 bits', 'take it', one({ opcode: text, payload: PING_TEXT.padEnd(65_536) }), [
    PONG_FRAME,
  ]),
  fails(
    '5.2',
    '15 bytes in 16 bits',
    one({ opcode: text, payload: PING_TEXT, lengthBits: 16 }),
    'MUST NOT be sent: fail',
  ),
  fails(
    '5.2',
    '125 bytes in 16 bits',
    one({ opcode: text, payload: PING_TEXT.padEnd(125), lengthBits: 16 }),
    'MUST NOT be sent: fail',
  ),
  fails(
    '5.2',
    '15 bytes in 64 bits',
    one({ opcode: text, payload: PING_TEXT, lengthBits: 64 }),
    'MUST NOT be sent: fail',
  ),
  fails(
    '5.2',
    '65,535 bytes in 64 bits',
    one({ opcode: text, payload: PING_TEXT.padEnd(65_535), lengthBits: 64 }),
    'MUST NOT be sent: fail',
  ),
  fails(
    '5.2',
    'a length with its highest bit set',
    one({ opcode: text, said: 1n << 63n }),
    'the highest bit MUST be 0: fail',
  ),
  fails('5.2', 'a length of 2^62', one({ opcode: text, said: 1n << 62n }), 'MAY be refused: 1009 or a code of its own'),
  fails(
    '7.4.1',
    '65,537 bytes, more than a message may have',
    one({ opcode: text, payload: PING_TEXT.padEnd(65_537) }),
    '1009 or a code of its own',
  ),
  fails(
    '7.4.1',
    'a length of 2^31, before any of it is there',
    one({ opcode: text, said: 1n << 31n }),
    '1009 or a code of its own',
  ),
];

const fragments: FrameCase[] = [
  ok(
    '5.4',
    'a text in two pieces',
    'put it together',
    each(
      { opcode: text, fin: false, payload: PING_TEXT.slice(0, half) },
      { opcode: continued, payload: PING_TEXT.slice(half) },
    ),
    [PONG_FRAME],
  ),
  ok(
    '5.4',
    'a text in 64 pieces, in one packet',
    'put it together',
    one(
      { opcode: text, fin: false, payload: PING_TEXT },
      ...Array.from({ length: 62 }, () => ({ opcode: continued, fin: false })),
      { opcode: continued },
    ),
    [PONG_FRAME],
  ),
  fails(
    '5.4',
    'a text in 65 pieces, more than a message may have',
    one(
      { opcode: text, fin: false, payload: PING_TEXT },
      ...Array.from({ length: 63 }, () => ({ opcode: continued, fin: false })),
      { opcode: continued },
    ),
    'a limit of its own',
  ),
  ok(
    '5.4',
    'a ping between two pieces',
    'answer it at once',
    each(
      { opcode: text, fin: false, payload: PING_TEXT.slice(0, half) },
      { opcode: ping, payload: 'between' },
      { opcode: continued, payload: PING_TEXT.slice(half) },
    ),
    ['pong between', PONG_FRAME],
  ),
  ok(
    '5.4',
    'an empty first and an empty last piece',
    'put it together',
    each({ opcode: text, fin: false }, { opcode: continued, fin: false, payload: PING_TEXT }, { opcode: continued }),
    [PONG_FRAME],
  ),
  fails('5.4', 'a continuation of nothing', one({ opcode: continued, payload: 'x' })),
  fails('5.4', 'a continuation of nothing, not the last', one({ opcode: continued, fin: false, payload: 'x' })),
  {
    ...fails(
      '5.4',
      'a continuation behind a whole message',
      one({ opcode: text, payload: PING_TEXT }, { opcode: continued }),
    ),
    seen: [PONG_FRAME, BROKEN],
  },
  fails(
    '5.4',
    'a new text within a text',
    each({ opcode: text, fin: false, payload: '{' }, { opcode: text, payload: PING_TEXT }),
  ),
  fails(
    '5.4',
    'a binary message within a text',
    each({ opcode: text, fin: false, payload: '{' }, { opcode: binary, payload: 'x' }),
  ),
  closes(
    '5.4',
    'a close between two pieces',
    'answer it',
    each({ opcode: text, fin: false, payload: '{' }, { opcode: close, payload: closing(1000) }),
    'close 1000',
  ),
];

const control: FrameCase[] = [
  ok('5.5.2', 'a ping without a payload', 'a pong without one', one({ opcode: ping }), ['pong']),
  ok('5.5.2', 'a ping with a payload', 'a pong with the same', one({ opcode: ping, payload: 'κόσμε' }), ['pong κόσμε']),
  ok('5.5.2', 'a ping, octet by octet', 'a pong', octets({ opcode: ping, payload: 'slow' }), ['pong slow']),
  ok(
    '5.5.2',
    'ten pings in one packet',
    'at least the last is answered',
    one(...Array.from({ length: 10 }, (_, index) => ({ opcode: ping, payload: String(index) }))),
    Array.from({ length: 10 }, (_, index) => `pong ${index}`),
  ),
  ok('5.5.3', 'a pong that nobody asked for', 'no answer', one({ opcode: pong, payload: 'hello' }), []),
  fails('5.5', 'a ping of 126 bytes', one({ opcode: ping, payload: 'a'.repeat(126) }), 'at most 125: fail'),
  fails('5.5', 'a pong of 126 bytes', one({ opcode: pong, payload: 'a'.repeat(126) }), 'at most 125: fail'),
  fails(
    '5.5',
    'a close of 126 bytes',
    one({ opcode: close, payload: closing(1000, 'a'.repeat(124)) }),
    'at most 125: fail',
  ),
  ...(
    [
      ['ping', ping],
      ['pong', pong],
      ['close', close],
    ] as const
  ).map(([name, opcode]) =>
    fails('5.5', `a ${name} in pieces`, one({ opcode, fin: false }), 'MUST NOT be fragmented: fail'),
  ),
];

const utf8: FrameCase[] = [
  closes(
    '8.1',
    'sound UTF-8 of two and three bytes',
    'take it (it is no frame of ours)',
    one({ opcode: text, payload: FOREIGN }),
    FOREIGN_SEEN,
  ),
  closes(
    '8.1',
    'the same, in pieces that cut through characters',
    'take it (it is no frame of ours)',
    each(
      { opcode: text, fin: false, payload: FOREIGN.subarray(0, 17) },
      { opcode: continued, fin: false, payload: FOREIGN.subarray(17, 18) },
      { opcode: continued, payload: FOREIGN.subarray(18) },
    ),
    FOREIGN_SEEN,
  ),
  ...(
    [
      ['a lone continuation byte', [0x80]],
      ['a character that is cut off', [0xce]],
      ['an overlong slash', [0xc0, 0xaf]],
      ['an overlong NUL of four bytes', [0xf0, 0x80, 0x80, 0x80]],
      ['a surrogate', [0xed, 0xa0, 0x80]],
      ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
      ['the byte FF', [0xff]],
    ] as const
  ).map(([what, bytes]) =>
    fails(
      '8.1',
      `a text with ${what}`,
      one({ opcode: text, payload: Buffer.concat([Buffer.from('{"type":"'), Buffer.from(bytes), Buffer.from('"}')]) }),
    ),
  ),
];

const ending: FrameCase[] = [
  closes('5.5.1', 'a close without a code', 'a close in answer', one({ opcode: close }), 'close'),
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999].map((code) =>
    closes(
      '7.4',
      `a close with ${code}`,
      'a close in answer, as a rule with its code',
      one({ opcode: close, payload: closing(code) }),
      `close ${code}`,
    ),
  ),
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((code) =>
    fails('7.4', `a close with ${code}, which must not be sent`, one({ opcode: close, payload: closing(code) })),
  ),
  closes(
    '5.5.1',
    'a close with a reason of 123 bytes',
    'a close in answer',
    one({ opcode: close, payload: closing(1000, 'r'.repeat(123)) }),
    `close 1000 ${'r'.repeat(123)}`,
  ),
  fails('5.5.1', 'a close with a payload of one byte', one({ opcode: close, payload: 'x' })),
  fails(
    '5.5.1',
    'a close whose reason is not UTF-8',
    one({ opcode: close, payload: closing(1000, Buffer.from([0xc0, 0xaf])) }),
  ),
  closes(
    '5.5.1',
    'a ping behind a close',
    'nothing more is taken',
    one({ opcode: close, payload: closing(1000) }, { opcode: ping, payload: 'late' }),
    'close 1000',
  ),
  closes(
    '5.5.1',
    'a text behind a close',
    'nothing more is taken',
    one({ opcode: close, payload: closing(1000) }, { opcode: text, payload: PING_TEXT }),
    'close 1000',
  ),
  closes(
    '5.5.1',
    'a second close',
    'one answer',
    one({ opcode: close, payload: closing(1000) }, { opcode: close, payload: closing(1001) }),
    'close 1000',
  ),
];

export const frameCases: readonly FrameCase[] = [...framing, ...lengths, ...fragments, ...control, ...utf8, ...ending];
