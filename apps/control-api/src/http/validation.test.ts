import { topicList } from '@holdfast/protocol/rest/clients';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { faultsOf, phraseOf } from './validation.ts';

function faults(schema: z.ZodType, value: unknown) {
  const result = schema.safeParse(value);
  if (result.success) throw new Error('is valid');
  return faultsOf(result.error.issues, ['body']);
}

describe('a fault', () => {
  const schema = z.strictObject({ a: z.array(z.strictObject({ b: z.string().min(2, 'must be long') })), c: z.int() });

  test('names the field as people write it, and the rule, for every field at once', () => {
    expect(faults(schema, { a: [{ b: 'ok' }, { b: 'x', d: 1, e: 2 }], c: '1', f: 1 })).toEqual([
      { field: 'body.a[1].b', rule: 'must be long' },
      { field: 'body.a[1].d', rule: 'is not a field of this call' },
      { field: 'body.a[1].e', rule: 'is not a field of this call' },
      { field: 'body.c', rule: 'must be of the type number' },
      { field: 'body.f', rule: 'is not a field of this call' },
    ]);
  });

  test('of a missing field says that it must be given', () => {
    expect(faults(schema, { c: 1 })).toEqual([{ field: 'body.a', rule: 'must be given' }]);
  });

  test('where several forms are allowed is that of the form that was meant, or of all when none was', () => {
    expect(faults(topicList, ['fine', 7])).toEqual([{ field: 'body[1]', rule: 'must be of the type string' }]);
    expect(faults(topicList, 7)).toEqual([
      { field: 'body', rule: 'must be a list of topics, or a text with commas between them' },
    ]);
  });

  test('is a phrase', () => {
    expect(
      phraseOf([
        { field: 'a', rule: 'must be' },
        { field: '', rule: 'is wrong' },
      ]),
    ).toBe('a: must be; is wrong');
  });
});
