import { describe, expect, it } from 'vitest';
import { type FramePage, LogReader } from './log-reader.ts';
import { LogModel } from '../testing/log-model.ts';
import { turns } from '../testing/turns.ts';

const PAGE = 50;

function logOf(count: number) {
  const log = new LogModel(1000);
  for (let number = 1; number <= count; number += 1) log.append(Buffer.from(`${number}`));
  return log;
}

/** A reader over a log, that counts its reads and can be made to fail or wait. */
function readerOf(log: LogModel) {
  const reads: string[] = [];
  const deps = { fail: false, hold: Promise.resolve() };
  const reader = new LogReader(async (after): Promise<FramePage | null> => {
    reads.push(after);
    await deps.hold;
    if (deps.fail) throw new Error('away');
    const page = log.page(after, PAGE);
    return { ...page, entries: page.entries.map(({ id, prev, data }) => ({ id, prev, frame: data })) };
  });
  return { reader, reads, deps };
}

const idsOf = (page: FramePage | null) => page?.entries.map(({ id }) => id);

describe('a log reader', () => {
  it('serves a thousand requests at once with one read', async () => {
    const log = logOf(40);
    const { reader, reads } = readerOf(log);
    const positions = [log.start, ...log.entries.map(({ id }) => id)];
    const pages = await Promise.all(
      Array.from({ length: 1000 }, (_, index) => reader.after(positions[index % positions.length] ?? log.start)),
    );
    expect(reads).toEqual([log.start]);
    for (const [index, page] of pages.entries()) {
      const place = index % positions.length;
      expect(idsOf(page)).toEqual(positions.slice(place + 1));
      expect(page?.contains || place === 0).toBe(true);
    }
  });

  it('reads again for those whose position is not in the page, until all are served', async () => {
    const log = logOf(120);
    const { reader, reads } = readerOf(log);
    const ask = (number: number) => reader.after(`${1000 + number}-0`);
    const [a, b, c, d] = await Promise.all([ask(100), ask(0), ask(50), ask(7)]);
    expect(idsOf(b)).toHaveLength(PAGE);
    expect(idsOf(d)).toEqual(log.entries.slice(7, PAGE).map(({ id }) => id));
    // It stands at the end of the first page: nothing follows there, and that it can be continued is known.
    expect(c).toMatchObject({ contains: true, entries: [] });
    expect(idsOf(a)).toHaveLength(20);
    expect(reads).toEqual(['1000-0', '1100-0']);
  });

  it('collects what is asked while a read is under way', async () => {
    const log = logOf(10);
    const { reader, reads, deps } = readerOf(log);
    const go = Promise.withResolvers<void>();
    deps.hold = go.promise;
    const first = reader.after('1003-0');
    await turns(2);
    const late = [reader.after('1001-0'), reader.after('1001-0'), reader.after('1002-0')];
    go.resolve();
    expect(idsOf(await first)).toHaveLength(7);
    expect((await Promise.all(late)).map((page) => page?.entries.length)).toEqual([9, 9, 8]);
    expect(reads).toEqual(['1003-0', '1001-0']);
  });

  it('fails for all that wait when the read fails, and works again afterwards', async () => {
    const { reader, deps } = readerOf(logOf(10));
    deps.fail = true;
    const answers = await Promise.allSettled([reader.after('1000-0'), reader.after('1005-0'), reader.after('900-0')]);
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    deps.fail = false;
    expect(idsOf(await reader.after('1005-0'))).toHaveLength(5);
  });

  it('reports that the log does not contain a trimmed position', async () => {
    const log = logOf(10);
    log.trim(3);
    const { reader } = readerOf(log);
    expect(await reader.after('1002-0')).toMatchObject({ contains: false, firstPrev: '1007-0' });
  });
});
