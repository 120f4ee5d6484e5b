import { z } from 'zod';

/** An object with so many keys, `{n}` in the key being 1, 2, 3 …; keeps a scenario of 1,000 topics small. */
const repeated = z.strictObject({
  $repeat: z.strictObject({ key: z.string(), count: z.int(), value: z.unknown() }),
  $with: z.record(z.string(), z.unknown()).optional(),
});
/** A text that repeats itself. */
const longText = z.strictObject({ $text: z.strictObject({ repeat: z.string(), times: z.int() }) });

/** Replaces `$repeat` and `$text` by what they stand for, in a whole scenario. */
export function expand(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(expand);
  if (typeof value !== 'object' || value === null) return value;
  if ('$repeat' in value) {
    const { $repeat, $with = {} } = repeated.parse(value);
    const { key, count, value: each } = $repeat;
    const names = Array.from({ length: count }, (_, index) => key.replace('{n}', String(index + 1)));
    return { ...Object.fromEntries(names.map((name) => [name, expand(each)])), ...(expand($with) as object) };
  }
  if ('$text' in value) {
    const { repeat, times } = longText.parse(value).$text;
    return repeat.repeat(times);
  }
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, expand(each)]));
}
