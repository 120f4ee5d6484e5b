import { expect, it } from 'vitest';
import { parseExactly, printed } from './exact-json.ts';

it('numbers are printed as they were written', () => {
  const text = '{"a":12345678901234567890,"b":1.0,"c":[1e3,2],"d":"1.0","e":null}';
  expect(printed(parseExactly(text))).toBe(text);
  expect(printed(parseExactly('{"a":1.0}'), { pretty: true })).toBe('{\n  "a": 1.0\n}');
});
