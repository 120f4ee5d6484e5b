import { MAX_CLIENT_FRAME_BYTES } from '@holdfast/protocol/limits';
import { decodeUpFrame } from '@holdfast/protocol/up';
import { describe, expect, it } from 'vitest';
import { resumeFrames } from './frames.ts';

const POSITION = '1732345678901-0';

function longNames(count: number): Record<string, string> {
  const names = Array.from({ length: count }, (_, number) => [`${'long-name.'.repeat(19)}${number}`, POSITION]);
  return Object.fromEntries(names) as Record<string, string>;
}

const bytesOf = (frame: unknown) => Buffer.byteLength(JSON.stringify(frame));

describe('the frames of a resume', () => {
  it('are one while everything fits, with the inbox and the topic of the user first', () => {
    const frames = resumeFrames({ news: '1-0', '@me': '2-0' });
    expect(JSON.stringify(frames)).toBe('[{"type":"resume","positions":{"@me":"2-0","news":"1-0"}}]');
    const own = Object.keys(resumeFrames({ news: '1-0', '@user': '2-0', '@me': '2-0' })[0]?.positions ?? {});
    expect(own).toEqual(['@user', '@me', 'news']);
    expect(resumeFrames({})).toEqual([{ type: 'resume', positions: {} }]);
  });

  it('are as many as the positions need, all but the last announcing another, with nothing left out', () => {
    const positions = { ...longNames(1000), '@me': POSITION };
    const frames = resumeFrames(positions);
    expect(Object.keys(frames[0]?.positions ?? {})[0]).toBe('@me');
    expect(Object.assign({}, ...frames.map((frame) => frame.positions))).toEqual(positions);
    expect(frames.map(({ more }) => more)).toEqual([...frames.slice(1).map(() => true), undefined]);
    const sizes = frames.map(bytesOf);
    expect(sizes.filter((bytes) => bytes > MAX_CLIENT_FRAME_BYTES)).toEqual([]);
    expect(sizes.slice(0, -1).filter((bytes) => bytes < MAX_CLIENT_FRAME_BYTES * 0.95)).toEqual([]);
    expect(frames.filter((frame) => !decodeUpFrame(JSON.stringify(frame)).ok)).toEqual([]);
  });

  it('count bytes, not characters', () => {
    const positions = Object.fromEntries(
      Array.from({ length: 300 }, (_, number) => [`${'日'.repeat(200)}${number}`, POSITION]),
    );
    expect(
      resumeFrames(positions)
        .map(bytesOf)
        .filter((bytes) => bytes > MAX_CLIENT_FRAME_BYTES),
    ).toEqual([]);
  });

  it('never ask for more than an edge takes, and never leave out the inbox or what is for the user', () => {
    // Names that are numbers come first in any object.
    const numbers = Object.fromEntries(Array.from({ length: 200 }, (_, number) => [String(number), POSITION]));
    const positions = { ...longNames(1000), ...numbers, '@me': POSITION, '@user': POSITION };
    const asked = resumeFrames(positions).flatMap((frame) => Object.keys(frame.positions));
    expect(asked).toHaveLength(1002);
    expect(asked).toEqual(expect.arrayContaining(['@me', '@user']));
  });
});
