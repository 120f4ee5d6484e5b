import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProblemError } from '../http/problem-error.ts';
import { dataSlices, parseBatch } from './batch-body.ts';

test('data of each message is the bytes as they were written, everything else is values', () => {
  const body = parseBatch(Buffer.from('{"messages":[{"topics":["a"],"data": 1.0 },{"topics":["b"]},null,[]],"x":1}'));
  expect(body).toEqual({ messages: [{ topics: ['a'], data: Buffer.from('1.0') }, { topics: ['b'] }, null, []], x: 1 });
});

test('what is no batch is passed on as it is', () => {
  for (const value of [1, null, 'messages', [], { messages: {} }, {}]) {
    expect(parseBatch(Buffer.from(JSON.stringify(value)))).toEqual(value);
  }
});

test('what is not JSON is refused', () => {
  expect(() => parseBatch(Buffer.from('{"messages":['))).toThrow(ProblemError);
});

test('a message by the name of a prototype is a plain field', () => {
  const body = parseBatch(Buffer.from('{"__proto__":{"messages":[{"data":1}]}}'));
  expect(Object.hasOwn(body as object, '__proto__')).toBe(true);
  expect((body as { messages?: unknown }).messages).toBeUndefined();
});

const slicesOf = (text: string) => dataSlices(Buffer.from(text)).map((slice) => slice?.toString());

describe('the source of data', () => {
  test.each([
    ['{"messages":[{"data":1}]}', ['1']],
    ['{"messages":[{"data":12345678901234567890},{"data":1.0},{"data":-0}]}', ['12345678901234567890', '1.0', '-0']],
    [' { "messages" : [ { "data" :\t{ "a" : [ 1 , "}" ] } , "x" : 2 } ] } ', ['{ "a" : [ 1 , "}" ] }']],
    ['{"messages":[{"data":"a\\\\"},{"data":"\\"]}"},{"data":"\\\\\\""}]}', ['"a\\\\"', '"\\"]}"', '"\\\\\\""']],
    ['{"messages":[{"d\\u0061ta":true,"x":{"data":1}}]}', ['true']],
    ['{"messages":[{"data":1,"data":2}]}', ['2']],
    ['{"messages":[{"data":1}],"messages":[{"data":2}]}', ['2']],
    ['{"messages":[{"data":1}],"messages":3}', []],
    [
      '{"a":[{"data":1}],"messages":[{"data":null},5,[{"data":1}],{},"data"]}',
      ['null', undefined, undefined, undefined, undefined],
    ],
    ['{"messages":[{"data":"€","x":"𝄞"},{"x":"𝄞","data":"€"}]}', ['"€"', '"€"']],
    ['{"messages":[]}', []],
    ['{"messages":{"data":1}}', []],
    ['{"message":[{"data":1}]}', []],
    ['[{"data":1}]', []],
    ['{}', []],
    ['"messages"', []],
    ['7', []],
  ])('in %s is %j', (text, slices) => {
    expect(slicesOf(text)).toEqual(slices);
  });

  test('is found below the deepest nesting', () => {
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    expect(slicesOf(`{"messages":[{"data":${deep}}]}`)).toEqual([deep]);
  });
});

/** JSON's white space, of any length. */
const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 3 });

/** A string, with some of its characters written as escapes. */
const stringText = (content: fc.Arbitrary<string>) =>
  fc.tuple(content, fc.infiniteStream(fc.boolean())).map(([text, escaped]) => {
    const units = text.split('').map((unit) => {
      const code = unit.charCodeAt(0);
      const escape =
        Boolean(escaped.next().value) ||
        code < 0x20 ||
        unit === '"' ||
        unit === '\\' ||
        (code >= 0xd800 && code < 0xe000);
      return escape ? `\\u${code.toString(16).padStart(4, '0')}` : unit;
    });
    return `"${units.join('')}"`;
  });

/** JSON texts in all their liberties: white space, escapes, equal keys, numbers that no double holds. */
const { value } = fc.letrec<{ value: string; list: string; object: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.constantFrom('null', 'true', 'false', '1.0', '-0', '1E+2', '12345678901234567890', '""', '"\\\\"', '"\\""'),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)),
    stringText(fc.string({ unit: 'binary', maxLength: 6 })),
    tie('list'),
    tie('object'),
  ),
  list: fc
    .tuple(space, fc.array(tie('value'), { maxLength: 4 }))
    .map(([gap, items]) => `[${gap}${items.join(`${gap},${gap}`)}${gap}]`),
  object: objectText(fc.tuple(stringText(fc.string()), tie('value'))),
}));

function objectText(member: fc.Arbitrary<[string, string]>): fc.Arbitrary<string> {
  return fc
    .tuple(space, fc.array(member, { maxLength: 4 }))
    .map(
      ([gap, members]) =>
        `{${gap}${members.map(([key, text]) => `${key}${gap}:${gap}${text}`).join(`${gap},${gap}`)}${gap}}`,
    );
}

const message = objectText(fc.tuple(stringText(fc.constantFrom('data', 'topics', 'Data', 'dat', '__proto__')), value));
const messages = fc
  .tuple(space, fc.array(fc.oneof({ arbitrary: message, weight: 4 }, value)))
  .map(([gap, items]) => `[${gap}${items.join(`${gap},${gap}`)}${gap}]`);
const batch = objectText(
  fc.oneof(
    fc.tuple(stringText(fc.constant('messages')), fc.oneof({ arbitrary: messages, weight: 4 }, value)),
    fc.tuple(stringText(fc.string()), value),
  ),
);

function hasData(item: unknown): boolean {
  return typeof item === 'object' && item !== null && !Array.isArray(item) && Object.hasOwn(item, 'data');
}

describe('whatever JSON allows', () => {
  test('each slice is the text that JSON.parse made its value of', () => {
    fc.assert(
      fc.property(batch, (text) => {
        const parsed = JSON.parse(text) as Record<string, unknown>;
        const list = Object.hasOwn(parsed, 'messages') && Array.isArray(parsed['messages']) ? parsed['messages'] : [];
        const slices = slicesOf(text);
        expect(slices.map((slice) => slice !== undefined)).toEqual(list.map(hasData));
        for (const [index, slice] of slices.entries()) {
          if (slice === undefined) continue;
          const item = (list as { data: unknown }[])[index];
          // The value, and nothing around it.
          expect([JSON.parse(slice), slice]).toEqual([item?.data, slice.trim()]);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
