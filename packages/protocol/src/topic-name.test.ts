import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  CLIENTS_PATTERN,
  MAX_TOPIC_NAME_LENGTH,
  INBOX_TOPIC,
  deliveredTopic,
  matchesAny,
  matchesPattern,
  publishPattern,
  topicName,
  topicPattern,
} from './topic-name.ts';

const accepts = (name: unknown) => topicName.safeParse(name).success;
const segment = fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/);
const character = fc.oneof(fc.nat({ max: 0x7f }), fc.nat({ max: 0x10_ffff })).map((code) => String.fromCodePoint(code));
const name = fc
  .array(segment, { minLength: 1, maxLength: 8 })
  .map((segments) => segments.join('.'))
  .filter((text) => text !== '__proto__');

describe('a topic name', () => {
  test('is segments of its alphabet, joined by dots', () => {
    fc.assert(
      fc.property(name, (text) => {
        expect(topicName.parse(text)).toBe(text);
      }),
    );
  });

  test('is nothing else: any character from outside the alphabet, anywhere, is refused', () => {
    fc.assert(
      fc.property(name, character, fc.nat(), (text, foreign, at) => {
        fc.pre(!/^[A-Za-z0-9_.-]$/.test(foreign));
        const index = at % (text.length + 1);
        expect(accepts(text.slice(0, index) + foreign + text.slice(index))).toBe(false);
      }),
    );
  });

  test('has no empty segment', () => {
    fc.assert(
      fc.property(name, (text) => {
        expect([`${text}.`, `.${text}`, `${text}..${text}`].filter(accepts)).toEqual([]);
      }),
    );
    expect(accepts('')).toBe(false);
    expect(accepts('.')).toBe(false);
  });

  test('is at most 200 characters long', () => {
    expect(accepts('x'.repeat(MAX_TOPIC_NAME_LENGTH))).toBe(true);
    expect(accepts('x'.repeat(MAX_TOPIC_NAME_LENGTH + 1))).toBe(false);
    expect(MAX_TOPIC_NAME_LENGTH).toBe(200);
  });

  test('does not end in a line break, which "$" forgives in other languages', () => {
    expect(accepts('news\n')).toBe(false);
  });

  test('is not the one name that objects cannot carry as a key', () => {
    expect(accepts('__proto__')).toBe(false);
    expect(accepts('a.__proto__')).toBe(true);
    expect(accepts('constructor')).toBe(true);
  });

  test('is never @me, which frames may name', () => {
    expect(accepts(INBOX_TOPIC)).toBe(false);
    expect(deliveredTopic.parse(INBOX_TOPIC)).toBe(INBOX_TOPIC);
    expect(deliveredTopic.parse('news.sport')).toBe('news.sport');
    expect(deliveredTopic.safeParse('@you').success).toBe(false);
  });
});

describe('a record by topic', () => {
  const positions = z.record(deliveredTopic, z.number());

  test('needs none of its possible keys', () => {
    expect(positions.parse({})).toEqual({});
    expect(positions.parse({ news: 1 })).toEqual({ news: 1 });
    expect(positions.parse({ [INBOX_TOPIC]: 1, constructor: 2 })).toEqual({ [INBOX_TOPIC]: 1, constructor: 2 });
  });

  test('refuses a key that is no topic', () => {
    expect(positions.safeParse({ 'no topic': 1 }).success).toBe(false);
  });
});

const acceptsPattern = (pattern: unknown) => topicPattern.safeParse(pattern).success;
/** Few letters, so that generated names and patterns meet often. */
const shortSegment = fc.stringMatching(/^[ab_-]{1,2}$/);
const segments = fc.array(shortSegment, { minLength: 1, maxLength: 5 });
const patternSegments = fc.array(fc.oneof(shortSegment, fc.constant('*')), { minLength: 1, maxLength: 5 });
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
        const topic = one.join('.');
        expect(acceptsPattern(topic)).toBe(true);
        expect(matchesPattern(topic, topic)).toBe(true);
        expect(matchesPattern(topic, other.join('.'))).toBe(topic === other.join('.'));
      }),
    );
  });

  test('made from a name by putting * for segments fits the name', () => {
    fc.assert(
      fc.property(segments, fc.infiniteStream(fc.boolean()), (list, starred) => {
        const made = list.map((part) => (starred.next().value ? '*' : part)).join('.');
        expect(acceptsPattern(made)).toBe(true);
        expect(matchesPattern(made, list.join('.'))).toBe(true);
      }),
    );
  });

  test('made from a name by putting ** for its end fits the name', () => {
    fc.assert(
      fc.property(segments, fc.nat(), (list, cut) => {
        const made = [...list.slice(0, cut % list.length), '**'].join('.');
        expect(acceptsPattern(made)).toBe(true);
        expect(matchesPattern(made, list.join('.'))).toBe(true);
      }),
    );
  });

  test('has ** at its end only', () => {
    fc.assert(
      fc.property(patternSegments, patternSegments, (before, after) => {
        expect(acceptsPattern([...before, '**'].join('.'))).toBe(true);
        expect(acceptsPattern([...before, '**', ...after].join('.'))).toBe(false);
        expect(acceptsPattern(['**', ...after].join('.'))).toBe(false);
      }),
    );
  });

  test('has * for whole segments only', () => {
    const wrong = ['a*', '*a', 'a.*b', '***', 'a.***', '', '.', '*.', '.*', 'a..b', '**.', '@clients', 'a b'];
    expect(wrong.filter(acceptsPattern)).toEqual([]);
  });

  test('agrees with its translation into a regular expression', () => {
    fc.assert(
      fc.property(pattern, segments, (text, list) => {
        const topic = list.join('.');
        expect(matchesPattern(text, topic)).toBe(translate(text).test(topic));
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
    expect(acceptsPattern(`${longest}.**`)).toBe(true);
    expect(acceptsPattern('a'.repeat(251))).toBe(false);
  });
});

describe('what a key may publish to', () => {
  test('may name single clients, what it may subscribe to may not', () => {
    expect(publishPattern.parse(CLIENTS_PATTERN)).toBe('@clients');
    expect(publishPattern.parse('news.*')).toBe('news.*');
    expect(acceptsPattern(CLIENTS_PATTERN)).toBe(false);
  });

  test('is what any one of its patterns fits', () => {
    expect(matchesAny(['news.*', 'user.**'], 'user.7')).toBe(true);
    expect(matchesAny(['news.*', 'user.**'], 'other')).toBe(false);
    expect(matchesAny([], 'news')).toBe(false);
  });
});
