import { describe, expect, it } from 'vitest';
import { closeCodes } from '@holdfast/protocol/close-codes';
import { BEGINNING, comparePositions } from '@holdfast/protocol/position-order';
import { NOT_LIVE } from './subscription.ts';
import { type TopicHarness, topicHarness } from '../testing/topic-harness.ts';
import { LogModel } from '../testing/log-model.ts';
import { turns } from '../testing/turns.ts';

/** Two of these and a connection has had enough for now. */
const LARGE = `"${'x'.repeat(40_000)}"`;

async function openTopic() {
  const harness = topicHarness();
  await harness.opened();
  return harness;
}

/** So many subscribers that they are still being sent a first message for some turns: a gap after it is announced later. */
async function beingServed(harness: TopicHarness) {
  await harness.opened();
  const listeners = Array.from({ length: 400 }, () => harness.join());
  harness.deps.sliced = true;
  harness.publish('1');
  return listeners;
}

describe('a topic', () => {
  it('sends live messages to every subscriber, in order, with the bytes that were published', async () => {
    const h = await openTopic();
    const [a, b] = [h.join(), h.join()];
    const ids = ['{ "n": 1.0 }', '[ ]', 'null'].map((data) => h.publish(data));
    await h.settled();
    for (const { socket } of [a, b]) {
      expect(socket.idsOf('news')).toEqual(ids);
      expect(Buffer.concat(socket.writes).includes('"data":{ "n": 1.0 }}')).toBe(true);
    }
    expect(h.deps.reads).toBe(1);
  });

  it('is timed once a message, from its id to its last write, and not where it is written to no connection', async () => {
    const h = await openTopic();
    const timed = () => h.latencies.publishToWrite.counts.reduce((sum, count) => sum + count);
    h.publish();
    await h.settled();
    expect(timed()).toBe(0);
    const { socket } = h.join();
    for (let count = 0; count < 4; count += 1) h.join();
    h.deps.sliced = true;
    h.publish();
    h.publish();
    await h.settled();
    expect(socket.idsOf('news')).toHaveLength(2);
    expect(timed()).toBe(2);
    // The ids of this log are of 1970.
    expect(h.latencies.publishToWrite.counts.at(-1)).toBe(2);
  });

  it('makes one write of what comes in within one tick', async () => {
    const h = await openTopic();
    const { socket } = h.join();
    for (let count = 0; count < 20; count += 1) h.publish();
    await h.settled();
    expect(socket.writes).toHaveLength(1);
    h.publish();
    await h.settled();
    expect(socket.writes).toHaveLength(2);
    expect(socket.idsOf('news')).toHaveLength(21);
  });

  it('never puts more than it may into one write, so that a burst of large messages is not kept for a reader that has stopped', async () => {
    const h = await openTopic();
    const { socket } = h.join();
    const ids = [1, 2, 3, 4].map(() => h.publish(LARGE));
    await h.settled();
    expect(socket.writes.map((write) => write.length < 64 * 1024)).toEqual([true, true, true, true]);
    expect(socket.idsOf('news')).toEqual(ids);
  });

  it('fills a gap from the log before anything after it goes out', async () => {
    const h = await openTopic();
    const { socket } = h.join();
    const ids = [h.publish()];
    await h.settled();
    ids.push(h.publish('2', { live: false }), h.publish('3', { live: false }), h.publish('4'), h.publish('5'));
    await h.settled();
    expect(socket.idsOf('news')).toEqual(ids);
    expect(socket.of('lost')).toEqual([]);
    expect(h.counters).toMatchObject({ gapsFound: 1, gapMessagesFilled: 3 });
  });

  it('drops what it has had, and what is older than where it began', async () => {
    const h = topicHarness();
    const old = h.log.append(Buffer.from('0'));
    await h.opened();
    const { socket } = h.join();
    h.receive(old);
    const first = h.log.append(Buffer.from('1'));
    const second = h.log.append(Buffer.from('2'));
    for (const entry of [first, first, second, first, second]) h.receive(entry);
    await h.settled();
    h.receive(second);
    h.receive(first);
    await h.settled();
    expect(socket.idsOf('news')).toEqual([first.id, second.id]);
  });

  it('puts reordered messages in order', async () => {
    const h = await openTopic();
    const { socket } = h.join();
    const entries = ['1', '2', '3', '4'].map((data) => h.log.append(Buffer.from(data)));
    for (const place of [2, 0, 3, 1]) h.receive(entries[place] as (typeof entries)[0]);
    await h.settled();
    expect(socket.idsOf('news')).toEqual(entries.map(({ id }) => id));
  });

  it('holds what is published while it reads, and goes on with it without reading again', async () => {
    const h = await openTopic();
    const { socket } = h.join();
    const ids = [h.publish('1', { live: false })];
    const answer = Promise.withResolvers<void>();
    h.deps.hold = answer.promise;
    void h.topic.sequencer.sync();
    await h.settled();
    for (let count = 0; count < 10; count += 1) ids.push(h.publish());
    await h.settled();
    expect(socket.writes).toEqual([]);
    h.deps.hold = null;
    answer.resolve();
    await h.settled();
    expect(socket.idsOf('news')).toEqual(ids);
  });

  it('holds what is published before it is open', async () => {
    const h = topicHarness();
    h.publish();
    void h.topic.sequencer.sync();
    const ids = [h.publish(), h.publish()];
    await h.settled();
    // Its end as it opened was already behind all three.
    expect(h.topic.lastSent).toBe(ids[1]);
    const { socket } = h.join();
    ids.push(h.publish());
    await h.settled();
    expect(socket.idsOf('news')).toEqual(ids.slice(2));
  });

  it('drops what it holds when that is too much, and takes it from the log', async () => {
    const h = await openTopic();
    const { socket } = h.join();
    const answer = Promise.withResolvers<void>();
    h.log.history.size = 2500;
    h.deps.hold = answer.promise;
    void h.topic.sequencer.sync();
    await h.settled();
    const ids = Array.from({ length: 2500 }, () => h.publish());
    h.deps.hold = null;
    answer.resolve();
    await h.settled();
    await h.settled();
    expect(socket.idsOf('news')).toEqual(ids);
  });

  it('asks to be tried again when Redis is away, and sends nothing past the gap until then', async () => {
    const h = await openTopic();
    const { socket } = h.join();
    const ids = [h.publish()];
    await h.settled();
    h.deps.away = true;
    ids.push(h.publish('2', { live: false }), h.publish('3'));
    await h.settled();
    expect(h.deps.stalled).toBe(1);
    expect(socket.idsOf('news')).toEqual(ids.slice(0, 1));
    h.deps.away = false;
    void h.topic.sequencer.sync();
    await h.settled();
    expect(socket.idsOf('news')).toEqual(ids);
  });

  it('compares itself with Redis, and so finds that it was sent nothing', async () => {
    const h = await openTopic();
    const { socket } = h.join();
    h.topic.sequencer.onState(h.log.state());
    await h.settled();
    expect(h.deps.reads).toBe(1);
    const id = h.publish('1', { live: false });
    h.topic.sequencer.onState(h.log.state());
    await h.settled();
    expect(socket.idsOf('news')).toEqual([id]);
  });
});

describe('what the log has no more', () => {
  it('is announced to live subscribers, right after the last message and right before where it goes on', async () => {
    const h = await openTopic();
    const { socket } = h.join();
    const first = h.publish();
    await h.settled();
    const missed = ['2', '3', '4', '5'].map((data) => h.publish(data, { live: false }));
    h.log.trim(1);
    const next = h.publish('6');
    await h.settled();
    expect(socket.frames).toEqual([
      { type: 'message', topic: 'news', id: first, data: 1 },
      { type: 'lost', topic: 'news', after: first, position: missed[2] },
      { type: 'message', topic: 'news', id: missed[3], data: 5 },
      { type: 'message', topic: 'news', id: next, data: 6 },
    ]);
  });

  it('is announced when the log is empty', async () => {
    const h = await openTopic();
    const { socket } = h.join();
    const missed = h.publish('1', { live: false });
    h.log.trim(0);
    void h.topic.sequencer.sync();
    await h.settled();
    expect(socket.frames).toEqual([{ type: 'lost', topic: 'news', after: h.log.start, position: missed }]);
    const next = h.publish('2');
    await h.settled();
    expect(socket.idsOf('news')).toEqual([next]);
  });

  it('is announced to a lagging subscriber, and not to those that had it', async () => {
    const h = await openTopic();
    const [slow, quick] = [h.join(), h.join()];
    slow.socket.stopped = true;
    const ids = Array.from({ length: 700 }, () => h.publish(LARGE));
    await h.settled();
    h.log.trim(10);
    slow.socket.resume();
    slow.connection.onDrain();
    await h.settled();
    expect(quick.socket.of('lost')).toEqual([]);
    const got = slow.socket.idsOf('news');
    const [lost] = slow.socket.of('lost');
    const before = got.slice(0, ids.indexOf(lost?.after ?? '') + 1);
    expect(before).toEqual(ids.slice(0, before.length));
    expect(got.slice(before.length)).toEqual(ids.slice(ids.indexOf(lost?.position ?? '') + 1));
  });

  it('is announced when Redis has forgotten the newest messages, also to subscribers that wait for them', async () => {
    const h = await openTopic();
    const live = h.join();
    const first = h.publish();
    const gone = [h.publish('2'), h.publish('3')];
    await h.settled();
    const ahead = h.join(`${Number.parseInt(gone[1] ?? '', 10) + 1}-0`);
    h.log.forget(2);
    void h.topic.sequencer.sync();
    await h.settled();
    expect(live.socket.of('lost')).toEqual([{ type: 'lost', topic: 'news', after: gone[1], position: first }]);
    expect(ahead.socket.of('lost')).toEqual([{ type: 'lost', topic: 'news', after: ahead.start, position: first }]);
    const next = h.publish('4');
    await h.settled();
    expect(live.socket.idsOf('news').at(-1)).toBe(next);
    expect(ahead.socket.idsOf('news')).toEqual([next]);
  });

  it('is not announced to one that joined past it while others were being served, nor is that sent what came before', async () => {
    const h = topicHarness();
    const live = await beingServed(h);
    const missed = h.publish('2', { live: false });
    const kept = [h.publish('3', { live: false })];
    h.log.trim(1);
    void h.topic.sequencer.sync();
    await turns(2);
    kept.push(h.publish('4', { live: false }), h.publish('5', { live: false }));
    const subscribed = h.join(kept[1]);
    expect(live.some(({ socket }) => socket.writes.length === 0)).toBe(true);
    await h.settled();
    const next = h.publish('6');
    await h.settled();
    for (const { socket } of live) {
      expect(socket.of('lost')).toMatchObject([{ position: missed }]);
      expect(socket.idsOf('news').slice(1)).toEqual([...kept, next]);
    }
    expect(subscribed.socket.of('lost')).toEqual([]);
    expect(subscribed.socket.idsOf('news')).toEqual([kept[2], next]);
  });

  it('is announced once to one that has read the log further while others were being served, and nothing sent twice', async () => {
    const h = topicHarness();
    h.publish('0', { live: false });
    const live = await beingServed(h);
    const missed = h.publish('2', { live: false });
    const kept = [h.publish('3', { live: false })];
    h.log.trim(1);
    void h.topic.sequencer.sync();
    await turns(2);
    kept.push(h.publish('4', { live: false }));
    const ahead = h.join(h.log.start);
    await turns(4);
    expect(ahead.socket.idsOf('news')).toEqual(kept);
    expect(live.some(({ socket }) => socket.writes.length === 0)).toBe(true);
    await h.settled();
    const next = h.publish('5');
    await h.settled();
    for (const { socket } of [ahead, ...live]) expect(socket.of('lost')).toMatchObject([{ position: missed }]);
    for (const { socket } of live) expect(socket.idsOf('news').slice(1)).toEqual([...kept, next]);
    expect(ahead.socket.idsOf('news')).toEqual([...kept, next]);
  });

  it('is announced to one that is ahead by what Redis forgot, also when the log has grown past that meanwhile', async () => {
    const h = topicHarness();
    const live = await beingServed(h);
    const [missed, , , gone = ''] = ['2', '3', '4', '5'].map((data) => h.publish(data, { live: false }));
    const ahead = h.join(gone);
    h.log.rollBack(3);
    h.log.trim(0);
    void h.topic.sequencer.sync();
    await turns(2);
    const since = ['6', '7', '8', '9'].map((data) => h.publish(data, { live: false }));
    expect(comparePositions(since.at(-1) ?? '', gone)).toBe(1);
    expect(live.some(({ socket }) => socket.writes.length === 0)).toBe(true);
    await h.settled();
    since.push(h.publish('10'));
    await h.settled();
    for (const { socket } of live) {
      expect(socket.of('lost')).toMatchObject([{ position: missed }]);
      expect(socket.idsOf('news').slice(1)).toEqual(since);
    }
    expect(ahead.socket.of('lost')).toEqual([{ type: 'lost', topic: 'news', after: gone, position: missed }]);
    expect(ahead.socket.idsOf('news')).toEqual(since);
  });

  it('is announced when Redis went back, and what was published since arrives though its ids are not above', async () => {
    const h = await openTopic();
    const live = h.join();
    const kept = [h.publish('1'), h.publish('2')];
    const gone = [h.publish('3'), h.publish('4'), h.publish('5')];
    await h.settled();
    h.log.rollBack(3);
    const missed = h.publish('6', { live: false });
    const after = h.publish('7');
    await h.settled();
    expect(live.socket.of('lost')).toEqual([{ type: 'lost', topic: 'news', after: gone[2], position: kept[1] }]);
    expect(live.socket.idsOf('news')).toEqual([...kept, ...gone, missed, after]);
    // Also when the end of the log is above what was seen by now.
    h.log.rollBack(1);
    const below = h.publish('8', { live: false });
    const above = [h.publish('9'), h.publish('10')];
    await h.settled();
    expect(live.socket.idsOf('news').slice(-3)).toEqual([below, ...above]);
    // One that came twice is none of these.
    const reads = h.deps.reads;
    h.receive({ prev: below, id: above[0] ?? '', data: Buffer.from('9') });
    await h.settled();
    expect(h.deps.reads).toBe(reads);
  });

  it('is announced after the last message sent when Redis went back and the log has none before it any more', async () => {
    const h = await openTopic();
    const live = h.join();
    const kept = h.publish('1');
    const [gone, last] = [h.publish('2'), h.publish('3')];
    await h.settled();
    h.log.rollBack(2);
    const below = h.publish('4', { live: false });
    const above = h.publish('5', { live: false });
    const left = h.publish('6', { live: false });
    expect([comparePositions(below, last), comparePositions(above, last)]).toEqual([-1, 1]);
    h.log.trim(1);
    void h.topic.sequencer.sync();
    await h.settled();
    expect(live.socket.of('lost')).toEqual([{ type: 'lost', topic: 'news', after: last, position: above }]);
    expect(live.socket.idsOf('news')).toEqual([kept, gone, last, left]);
  });

  it('is not announced, nor sent twice, to one that has read from the log what was published since', async () => {
    const h = topicHarness();
    const early = [h.publish('1', { live: false }), h.publish('2', { live: false })];
    await h.opened();
    const live = h.join();
    const kept = h.publish('3');
    const gone = h.publish('4');
    await h.settled();
    h.log.rollBack(1);
    const since = [h.publish('5', { live: false }), h.publish('6', { live: false })];
    const late = h.join(h.log.start);
    await h.settled();
    expect(late.socket.idsOf('news')).toEqual([...early, kept, ...since]);
    const after = h.publish('7');
    await h.settled();
    expect(live.socket.of('lost')).toEqual([{ type: 'lost', topic: 'news', after: gone, position: kept }]);
    expect(live.socket.idsOf('news')).toEqual([kept, gone, ...since, after]);
    expect(late.socket.of('lost')).toEqual([]);
    expect(late.socket.idsOf('news')).toEqual([...early, kept, ...since, after]);
  });

  it('does not emit again what it held of a log that went back', async () => {
    const h = await openTopic();
    const live = h.join();
    const kept = h.publish('1', { live: false });
    const held = h.log.append(Buffer.from('2'));
    const others = Array.from({ length: 130 }, () => h.publish('3', { live: false }));
    h.receive(held);
    // The next page is not read.
    h.deps.away = true;
    await h.settled();
    expect(h.deps.stalled).toBeGreaterThan(0);
    const emitted = live.socket.idsOf('news');
    expect(emitted).toEqual([kept, held.id, ...others].slice(0, emitted.length));
    expect(emitted).toContain(held.id);
    h.log.rollBack(others.length + 1);
    h.deps.away = false;
    void h.topic.sequencer.sync();
    await h.settled();
    expect(live.socket.idsOf('news')).toEqual(emitted);
    const since = h.publish('4');
    await h.settled();
    expect(live.socket.of('lost')).toEqual([{ type: 'lost', topic: 'news', after: emitted.at(-1), position: kept }]);
    expect(live.socket.idsOf('news')).toEqual([...emitted, since]);
  });

  it('takes what it received where the history keeps nothing, and announces what came before that', async () => {
    const h = await openTopic();
    const live = h.join();
    const first = h.publish('1');
    await h.settled();
    const missed = h.publish('2', { live: false });
    const received = h.log.append(Buffer.from('3'));
    h.log.trim(0);
    h.receive(received);
    await h.settled();
    expect(live.socket.of('lost')).toEqual([{ type: 'lost', topic: 'news', after: first, position: missed }]);
    expect(live.socket.idsOf('news')).toEqual([first, received.id]);
  });

  it('does not have it ask without end for what it received and does not follow', async () => {
    const h = await openTopic();
    const live = h.join();
    const first = h.publish('1');
    await h.settled();
    const [missed, received, last] = ['2', '3', '4'].map((data) => h.log.append(Buffer.from(data)));
    if (!missed || !received || !last) throw new Error('not appended');
    h.log.trim(0);
    h.receive({ ...last, prev: h.log.start });
    h.receive(received);
    const reads = h.deps.reads;
    await h.settled();
    expect(h.deps.reads - reads).toBeLessThan(5);
    expect(live.socket.idsOf('news')).toEqual([first]);
    expect(live.socket.of('lost').at(-1)).toMatchObject({ position: last.id });
    const next = h.publish('5');
    await h.settled();
    expect(live.socket.idsOf('news')).toEqual([first, next]);
  });

  it('does not have it ask without end when the log stands behind the topic', async () => {
    const h = await openTopic();
    const ids = Array.from({ length: 600 }, () => h.publish());
    await h.settled();
    h.log.forget(590);
    const reads = h.deps.reads;
    const { socket } = h.join(ids[9]);
    await h.settled();
    expect(h.deps.reads - reads).toBeLessThan(5);
    const next = h.publish('8');
    await h.settled();
    expect(socket.idsOf('news')).toEqual([next]);
  });
});

describe('a topic that is gone', () => {
  it.each([
    ['deleted', null],
    ['deleted and created again', 'anew'],
  ])('%s: the topic ends, whatever finds out', async (_, anew) => {
    const finders = {
      aLook: async (h: TopicHarness) => h.topic.sequencer.sync(),
      aCheck: async (h: TopicHarness) => h.topic.sequencer.onState(h.deps.log?.state() ?? null),
      aResume: async (h: TopicHarness) => expect(await h.topic.judge('5-0', BEGINNING)).toBeNull(),
      aReader: async (h: TopicHarness) => void h.join('5-0'),
    };
    for (const find of Object.values(finders)) {
      const h = await openTopic();
      const { socket } = h.join();
      h.deps.log = anew === null ? null : new LogModel(9_000_000, '1');
      h.deps.log?.append(Buffer.from('"of the new one"'));
      await find(h);
      await h.settled();
      expect(h.topic.state).toBe('gone');
      expect(h.deps.gone).toBe(1);
      expect(socket.frames).toEqual([]);
    }
  });

  it('resolves for those that wait for it to open', async () => {
    const h = topicHarness();
    h.deps.log = null;
    void h.topic.sequencer.sync();
    expect(await h.topic.ready).toBe(false);
  });

  it('sends what it had received before it ends', async () => {
    const h = await openTopic();
    const { socket } = h.join();
    const id = h.publish();
    h.topic.sequencer.onState(null);
    expect(socket.idsOf('news')).toEqual([id]);
    h.topic.sequencer.onState(null);
    expect(h.deps.gone).toBe(1);
  });
});

describe('a subscriber that joins', () => {
  it('at a position in reach is given what follows as one write, and is live, in one tick', async () => {
    const h = await openTopic();
    const ids = Array.from({ length: 10 }, () => h.publish());
    await h.settled();
    const { socket, subscription } = h.join(ids[3]);
    expect(socket.idsOf('news')).toEqual(ids.slice(4));
    expect(socket.writes).toHaveLength(1);
    expect(subscription.liveIndex).not.toBe(NOT_LIVE);
    expect(h.deps.reads).toBe(1);
  });

  it('at an older position is given it from the log, and a thousand of these cost a read or two', async () => {
    const h = topicHarness();
    const old = Array.from({ length: 100 }, () => h.publish());
    await h.opened();
    const reads = h.deps.reads;
    const all = Array.from({ length: 1000 }, (_, index) => h.join(old[index % 100]));
    await h.settled();
    for (const [index, { socket }] of all.entries()) {
      expect(socket.idsOf('news')).toEqual(old.slice((index % 100) + 1));
    }
    expect(h.deps.reads - reads).toBeLessThanOrEqual(2);
  });

  it('waits with a page of the log that arrives when nothing may be sent', async () => {
    const h = topicHarness();
    const old = Array.from({ length: 300 }, () => h.publish());
    await h.opened();
    const answer = Promise.withResolvers<void>();
    h.deps.hold = answer.promise;
    const { socket } = h.join(old[0]);
    await h.settled();
    h.deps.fresh = false;
    h.deps.hold = null;
    answer.resolve();
    await h.settled();
    expect(socket.frames).toEqual([]);
    h.deps.fresh = true;
    h.topic.catchUpAll();
    await h.settled();
    expect(socket.idsOf('news')).toEqual(old.slice(1));
  });

  it('ahead of the topic waits until it gets there, and is given nothing twice', async () => {
    const h = await openTopic();
    const missed = ['1', '2', '3'].map((data) => h.log.append(Buffer.from(data)));
    const { socket, subscription } = h.join(missed[1]?.id ?? null);
    await h.settled();
    expect(subscription.liveIndex).toBe(NOT_LIVE);
    for (const entry of missed) h.receive(entry);
    await h.settled();
    expect(socket.idsOf('news')).toEqual([missed[2]?.id]);
    expect(subscription.liveIndex).not.toBe(NOT_LIVE);
  });

  it('learns whether its position can be continued, and where it goes on if not', async () => {
    const h = topicHarness();
    const ids = Array.from({ length: 20 }, () => h.publish());
    h.log.trim(10);
    await h.opened();
    const [at9, at15, at3, end] = [ids[9], ids[15], ids[3], ids[19]];
    // The message before the first one that is kept: nothing after it is missing.
    expect(await h.topic.judge(at9 ?? '', BEGINNING)).toEqual({ recovered: true, position: at9 });
    expect(await h.topic.judge(at15 ?? '', BEGINNING)).toEqual({ recovered: true, position: at15 });
    expect(await h.topic.judge(end ?? '', BEGINNING)).toEqual({ recovered: true, position: end });
    expect(await h.topic.judge(at3 ?? '', BEGINNING)).toEqual({ recovered: false, position: at9 });
    expect(await h.topic.judge('999999999-0', BEGINNING)).toEqual({ recovered: false, position: end });
  });

  it('from before its subscription began misses what was published between, and only then', async () => {
    const h = topicHarness();
    const ids = Array.from({ length: 10 }, () => h.publish());
    await h.opened();
    const [before = '', seen = '', begin = '', after = '', end = ''] = [ids[2], ids[4], ids[6], ids[7], ids[9]];
    expect(await h.topic.judge(seen, begin)).toEqual({ recovered: false, position: begin });
    expect(await h.topic.judge(begin, begin)).toEqual({ recovered: true, position: begin });
    expect(await h.topic.judge(after, begin)).toEqual({ recovered: true, position: after });
    // Nothing was published between the two: positions need not be those of messages.
    expect(await h.topic.judge(seen, `${Number.parseInt(seen, 10)}-1`)).toEqual({ recovered: true, position: seen });
    // What the log has no more before the beginning is missing as well.
    h.log.trim(4);
    expect(await h.topic.judge(before, begin)).toEqual({ recovered: false, position: begin });
    // And what it has no more behind the beginning.
    h.log.trim(2);
    expect(await h.topic.judge(seen, begin)).toEqual({ recovered: false, position: ids[7] });
    // All that is gone.
    h.log.trim(0);
    expect(await h.topic.judge(seen, begin)).toEqual({ recovered: false, position: end });
  });

  it('and leaves, makes no other live subscriber be forgotten', async () => {
    const h = await openTopic();
    const all = [h.join(), h.join(), h.join(), h.join()];
    h.topic.leave((all[1] as (typeof all)[0]).subscription, true);
    const id = h.publish();
    await h.settled();
    expect(all.map(({ socket }) => socket.idsOf('news'))).toEqual([[id], [], [id], [id]]);
    for (const { subscription } of all) h.topic.leave(subscription, true);
    expect(h.topic.inUse).toBe(false);
    expect(h.deps.idle).toBeGreaterThan(0);
  });
});

describe('a slow connection', () => {
  it('leaves the live ones, costs bounded memory, and catches up when its socket has room', async () => {
    const h = await openTopic();
    const [slow, quick] = [h.join(), h.join()];
    slow.socket.stopped = true;
    const ids: string[] = [];
    for (let count = 0; count < 100; count += 1) {
      ids.push(h.publish(LARGE));
      await h.settled();
    }
    expect(quick.socket.idsOf('news')).toEqual(ids);
    expect(quick.subscription.liveIndex).not.toBe(NOT_LIVE);
    expect(slow.subscription.liveIndex).toBe(NOT_LIVE);
    expect(slow.socket.bufferedBytes).toBeLessThan(64 * 1024 + LARGE.length + 200);

    // It takes some, has enough again, and so on, until it is there.
    let drains = 0;
    while (slow.subscription.liveIndex === NOT_LIVE) {
      slow.socket.bufferedBytes = 0;
      slow.connection.onDrain();
      await h.settled();
      drains += 1;
      expect(drains).toBeLessThan(200);
    }
    expect(slow.socket.mostBufferedBytes).toBeLessThan(64 * 1024 + LARGE.length + 200);
    expect(slow.socket.idsOf('news')).toEqual(ids);
    expect(slow.socket.of('lost')).toEqual([]);
  });

  it('whose control frames pile up as well is closed', async () => {
    const h = await openTopic();
    const { socket, connection } = h.join();
    socket.stopped = true;
    for (let count = 0; count < 20_000 && connection.phase === 'open'; count += 1) connection.pong();
    expect(socket.closed).toMatchObject({ code: closeCodes.tooSlow.code });
    expect(socket.bufferedBytes).toBeLessThan(200 * 1024);
    expect(h.topic.inUse).toBe(false);
    expect(h.counters.evictedOverflow).toBe(1);
  });
});
