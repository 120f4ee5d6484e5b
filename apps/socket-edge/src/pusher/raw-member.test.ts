import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rawMember } from './raw-member.ts';

describe('the text of a member', () => {
  it.each<[json: string, raw: string | undefined]>([
    ['{"data":1}', '1'],
    ['{"data":1.0}', '1.0'],
    ['{"data":12345678901234567890 , "a":2}', '12345678901234567890'],
    ['{ "a" : {"data":1} , "data" : {"b":[1, "}"]} }', '{"b":[1, "}"]}'],
    ['{"data":"\\"}{\\\\","b":1}', '"\\"}{\\\\"'],
    ['{"d\\u0061ta":null}', 'null'],
    ['{"data":1,"data":[ ]}', '[ ]'],
    ['{"data":{}}', '{}'],
    ['\n{"a":"data","data":true\t}', 'true'],
    ['{}', undefined],
    ['{"a":{"data":1}}', undefined],
  ])('of %s is %s', (json, raw) => {
    expect(rawMember(json, 'data')).toBe(raw);
  });

  it('is what JSON.parse reads, whatever the object', () => {
    const spaces = fc.constantFrom(undefined, 1, '\t', ' \n');
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), spaces, (object, space) => {
        const json = JSON.stringify(object, null, space);
        for (const name of Object.keys(object)) {
          const raw = rawMember(json, name);
          expect(raw).toBe(raw?.trim());
          expect(JSON.parse(raw ?? '')).toEqual(JSON.parse(json)[name]);
        }
      }),
    );
  });
});
