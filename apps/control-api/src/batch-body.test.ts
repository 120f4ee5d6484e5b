import { expect, test } from 'vitest';
import { parseBatch } from './batch-body.ts';
import { ProblemError } from './problem-error.ts';

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
