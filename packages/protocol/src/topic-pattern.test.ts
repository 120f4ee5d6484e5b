import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { topicName } from './topic-name.ts';
import { CLIENTS_PATTERN, matchesAny, matchesPattern, publishPattern, topicPattern } from './topic-pattern.ts';

const accepts = (pattern: unknown) => topicPattern.safeParse(pattern).success;
/** Few letters, so that generated names and patterns meet often. */
const segment = fc.stringMatching(/^[ab_-]{1,2}$/);
const segments = fc.array(segment, { minLength: 1, maxLength: 5 });
const patternSegments = fc.array(fc.oneof(segment, fc.constant('*')), { minLength: 1, maxLength: 5 });
const pattern = fc.oneof(
  fc.tuple(patternSegments, fc.constantFrom('', '.**')).map(([list, rest]) => list.join('.') + rest),
  fc.constant('**'),
);

/** The grammar said a second time, in another way: as a regular expression. */
function translate(text: string): RegExp {
  const parts = text.split('.').map((part) => {
    if (part === '**') return '.+';
    return part === '*' ? '[^.]+' : part;
  });
  return new RegExp(`^${parts.join('\\.')}$`);
}

describe('a topic pattern', () => {
  test('may be any topic name, and then fits that name alone', () => {
    fc.assert(
      fc.property(segments, segments, (one, other) => {
        const name = one.join('.');
        expect(accepts(name)).toBe(true);
        expect(matchesPattern(name, name)).toBe(true);
        expect(matchesPattern(name, other.join('.'))).toBe(name === other.join('.'));
      }),
    );
  });

  test('made from a name by putting * for segments fits the name', () => {
    fc.assert(
      fc.property(segments, fc.infiniteStream(fc.boolean()), (list, starred) => {
        const made = list.map((part) => (starred.next().value ? '*' : part)).join('.');
        expect(accepts(made)).toBe(true);
        expect(matchesPattern(made, list.join('.'))).toBe(true);
      }),
    );
  });

  test('made from a name by putting ** for its end fits the name', () => {
    fc.assert(
      fc.property(segments, fc.nat(), (list, cut) => {
        const made = [...list.slice(0, cut % list.length), '**'].join('.');
        expect(accepts(made)).toBe(true);
        expect(matchesPattern(made, list.join('.'))).toBe(true);
      }),
    );
  });

  test('has ** at its end only', () => {
    fc.assert(
      fc.property(patternSegments, patternSegments, (before, after) => {
        expect(accepts([...before, '**'].join('.'))).toBe(true);
        expect(accepts([...before, '**', ...after].join('.'))).toBe(false);
        expect(accepts(['**', ...after].join('.'))).toBe(false);
      }),
    );
  });

  test('has * for whole segments only', () => {
    const wrong = ['a*', '*a', 'a.*b', '***', 'a.***', '', '.', '*.', '.*', 'a..b', '**.', '@clients', 'a b'];
    expect(wrong.filter(accepts)).toEqual([]);
  });

  test('agrees with its translation into a regular expression', () => {
    fc.assert(
      fc.property(pattern, segments, (text, list) => {
        const name = list.join('.');
        expect(matchesPattern(text, name)).toBe(translate(text).test(name));
      }),
      { numRuns: 2000 },
    );
  });

  test('with ** does not fit what stands before it alone', () => {
    expect(matchesPattern('user.**', 'user')).toBe(false);
    expect(matchesPattern('user.**', 'user.7')).toBe(true);
    expect(matchesPattern('user.**', 'user.7.inbox')).toBe(true);
    expect(matchesPattern('user.**', 'users.7')).toBe(false);
    expect(matchesPattern('**', 'anything.at.all')).toBe(true);
  });

  test('can be written for the longest name, and is bounded', () => {
    const longest = Array.from({ length: 100 }, () => 'a').join('.');
    expect(topicName.parse(longest)).toBe(longest);
    expect(accepts(`${longest}.**`)).toBe(true);
    expect(accepts('a'.repeat(251))).toBe(false);
  });
});

describe('what a key may publish to', () => {
  test('may name single clients, what it may subscribe to may not', () => {
    expect(publishPattern.parse(CLIENTS_PATTERN)).toBe('@clients');
    expect(publishPattern.parse('news.*')).toBe('news.*');
    expect(accepts(CLIENTS_PATTERN)).toBe(false);
  });

  test('is what any one of its patterns fits', () => {
    expect(matchesAny(['news.*', 'user.**'], 'user.7')).toBe(true);
    expect(matchesAny(['news.*', 'user.**'], 'other')).toBe(false);
    expect(matchesAny([], 'news')).toBe(false);
  });
});
