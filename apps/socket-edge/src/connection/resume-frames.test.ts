import { MAX_RESUME_POSITIONS } from '@holdfast/protocol/limits';
import { INBOX_TOPIC } from '@holdfast/protocol/topic-name';
import { describe, expect, it } from 'vitest';
import type { Connection } from './connection.ts';
import { memoryEdge } from '../testing/memory-edge.ts';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { ResumeFrames } from './resume-frames.ts';

async function twoConnections(): Promise<[Connection, Connection]> {
  const redis = new MemoryRedis();
  const edge = memoryEdge(redis);
  for (const clientId of ['c1', 'c2']) redis.register(clientId, []);
  const [one, two] = [await edge.connected('c1', { resume: true }), await edge.connected('c2', { resume: true })];
  return [one.connection, two.connection];
}

function numbered(count: number, prefix = 'topic'): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, number) => [`${prefix}-${number}`, '1-0']));
}

const resume = (positions: Record<string, string>, more?: boolean) => ({ type: 'resume' as const, positions, more });

describe('the frames of a resume', () => {
  it('are one set of positions, complete with the first that announces no other', async () => {
    const frames = new ResumeFrames();
    const [one, two] = await twoConnections();
    expect(frames.add(one, resume({ a: '1-0' }, true))).toEqual({ kind: 'more' });
    expect(frames.add(two, resume({ x: '9-0' }))).toEqual({ kind: 'complete', positions: new Map([['x', '9-0']]) });
    expect(frames.add(one, resume({}, true))).toEqual({ kind: 'more' });
    const positions = new Map([
      ['a', '1-0'],
      ['b', '2-0'],
    ]);
    expect(frames.add(one, resume({ b: '2-0' }, false))).toEqual({ kind: 'complete', positions });
  });

  it('hold a position for each topic that a client may have, and for its own, and not one more', async () => {
    const frames = new ResumeFrames();
    const [one, two] = await twoConnections();
    const all = MAX_RESUME_POSITIONS - 1;
    for (const connection of [one, two]) {
      expect(frames.add(connection, resume({ [INBOX_TOPIC]: '1-0' }, true))).toEqual({ kind: 'more' });
    }
    expect(frames.add(one, resume(numbered(all)))).toMatchObject({ kind: 'complete' });
    expect(frames.add(two, resume(numbered(all + 1), true))).toEqual({
      kind: 'refused',
      why: expect.stringContaining(String(MAX_RESUME_POSITIONS)),
    });
  });

  it('name a topic once', async () => {
    const frames = new ResumeFrames();
    const [one] = await twoConnections();
    frames.add(one, resume({ news: '1-0' }, true));
    expect(frames.add(one, resume({ news: '1-0' }))).toEqual({
      kind: 'refused',
      why: expect.stringMatching(/^positions\.news: /),
    });
  });
});
