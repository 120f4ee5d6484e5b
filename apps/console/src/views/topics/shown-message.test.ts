import { expect, it } from 'vitest';
import { contains } from './shown-message.ts';

it('finds a text in the id and in the data, in letters of any size', () => {
  const message = { id: '17-0', data: { Goal: 'Own' } };
  for (const text of ['', '17-', 'goal', 'OWN', '":"']) expect(contains(message, text)).toBe(true);
  expect(contains(message, 'away')).toBe(false);
});

it('prints a message once, however often it is looked at', () => {
  let printings = 0;
  const message = { id: '1-0', data: { toJSON: () => `printed ${++printings} times` } };
  for (const text of ['a', 'b', 'printed 1']) contains(message, text);
  expect(printings).toBe(1);
});
