import { describe, expect, it } from 'vitest';
import { boundsOf, patternOf, typeOf } from './bounds.ts';

describe('what is said of a value', () => {
  it.each([
    [{ type: 'integer' }, 'whole number'],
    [{ type: 'array', items: { type: 'string' } }, 'list of text'],
    [{ anyOf: [{ type: 'string', format: 'date-time' }, { type: 'null' }] }, 'time (RFC 3339) or null'],
    [{ type: ['string', 'null'] }, 'text or null'],
    [{}, 'any JSON'],
    [{ enum: ['a', 'b'] }, 'text'],
  ])('%j is %s', (schema, words) => {
    expect(typeOf(schema)).toBe(words);
  });

  it.each([
    [{ minimum: 1, maximum: 1_000_000 }, ['1 to 1,000,000']],
    [{ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }, ['at least 1']],
    [{ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }, ['at least 0']],
    [{ minLength: 0, default: {} }, []],
    [{ minimum: -Number.MAX_SAFE_INTEGER, maximum: 5 }, ['at most 5']],
    [{ minLength: 1, maxLength: 128 }, ['1 to 128 characters']],
    [{ maxLength: 200 }, ['at most 200 characters']],
    [{ minLength: 1 }, ['at least 1 character']],
    [{ minItems: 0, maxItems: 1000, default: [] }, ['at most 1,000 items', 'default []']],
    [{ enum: ['user', 'client'], default: 'user' }, ['one of "user", "client"', 'default "user"']],
    [{ minimum: 0, maximum: 60 }, ['0 to 60']],
  ])('%j is within %j', (schema, bounds) => {
    expect(boundsOf(schema)).toEqual(bounds);
  });

  it('has no pattern where its format says the same', () => {
    expect(patternOf({ pattern: '^a$' })).toBe('^a$');
    expect(patternOf({ pattern: '^a$', format: 'date-time' })).toBeNull();
  });
});
