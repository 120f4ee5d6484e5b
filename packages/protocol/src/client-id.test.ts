import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clientId, newClientId } from './client-id.ts';

describe('a client id', () => {
  test('is any UUID, in any case, and one value whatever the case', () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(clientId.parse(id)).toBe(id);
        expect(clientId.parse(id.toUpperCase())).toBe(id);
      }),
    );
    expect(clientId.parse('00000000-0000-0000-0000-000000000000')).toBe('00000000-0000-0000-0000-000000000000');
  });

  test('is nothing else', () => {
    const id = randomUUID();
    const wrong = ['', 'me', id.slice(1), `${id}0`, `{${id}}`, id.replaceAll('-', ''), `${id}\n`, id.replace(/./, 'g')];
    expect(wrong.filter((text) => clientId.safeParse(text).success)).toEqual([]);
    expect(clientId.safeParse(7).success).toBe(false);
  });

  test('that a caller brings has the random bits of version 4', () => {
    fc.assert(fc.property(fc.uuid({ version: 4 }), (id) => newClientId.parse(id.toUpperCase()) === id));
    fc.assert(fc.property(fc.uuid({ version: [1, 2, 3, 5, 6, 7, 8] }), (id) => !newClientId.safeParse(id).success));
    expect(newClientId.parse(randomUUID())).toHaveLength(36);
  });
});
