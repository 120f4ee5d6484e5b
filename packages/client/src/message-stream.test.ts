import { describe, expect, it } from 'vitest';
import { MessageStream } from './message-stream.ts';

function message(id: string) {
  return { type: 'message' as const, topic: 'news', id, data: null };
}

async function idsOf(stream: MessageStream): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of stream) ids.push(id);
  return ids;
}

describe('MessageStream', () => {
  it('keeps what comes while the loop is busy, and hands it out after the end', async () => {
    const stream = new MessageStream(3, () => {});
    for (const id of ['1-0', '2-0', '3-0']) stream.push(message(id));
    stream.end();
    stream.push(message('4-0'));
    expect(await idsOf(stream)).toEqual(['1-0', '2-0', '3-0']);
  });

  it('serves calls that wait in their order', async () => {
    const stream = new MessageStream(3, () => {});
    const both = Promise.all([stream.next(), stream.next()]);
    stream.push(message('1-0'));
    stream.push(message('2-0'));
    expect((await both).map(({ value }) => value?.id)).toEqual(['1-0', '2-0']);
  });

  it('never skips silently: past its bound it hands out what it has, then fails', async () => {
    let ended = 0;
    const stream = new MessageStream(2, () => ended++);
    for (const id of ['1-0', '2-0', '3-0']) stream.push(message(id));
    expect(ended).toBe(1);
    expect((await stream.next()).value?.id).toBe('1-0');
    expect((await stream.next()).value?.id).toBe('2-0');
    await expect(stream.next()).rejects.toMatchObject({ code: 'iterator-overflow' });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it('keeps nothing for a loop that was left', async () => {
    let ended = 0;
    const stream = new MessageStream(3, () => ended++);
    stream.push(message('1-0'));
    stream.push(message('2-0'));
    for await (const { id } of stream) if (id === '1-0') break;
    expect(ended).toBe(1);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });
});
