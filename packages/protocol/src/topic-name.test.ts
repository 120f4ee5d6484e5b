import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { MAX_TOPIC_NAME_LENGTH, OWN_TOPIC, deliveredTopic, topicName } from './topic-name.ts';

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
    expect(accepts(OWN_TOPIC)).toBe(false);
    expect(deliveredTopic.parse(OWN_TOPIC)).toBe(OWN_TOPIC);
    expect(deliveredTopic.parse('news.sport')).toBe('news.sport');
    expect(deliveredTopic.safeParse('@you').success).toBe(false);
  });
});

describe('a record by topic', () => {
  const positions = z.record(deliveredTopic, z.number());

  test('needs none of its possible keys', () => {
    expect(positions.parse({})).toEqual({});
    expect(positions.parse({ news: 1 })).toEqual({ news: 1 });
    expect(positions.parse({ [OWN_TOPIC]: 1, constructor: 2 })).toEqual({ [OWN_TOPIC]: 1, constructor: 2 });
  });

  test('refuses a key that is no topic', () => {
    expect(positions.safeParse({ 'no topic': 1 }).success).toBe(false);
  });
});
