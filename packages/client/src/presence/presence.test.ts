import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type HoldfastClient, connect } from '../connect.ts';
import { type Peer, ScriptedEdge, eventually } from '../testing/scripted-edge.ts';
import type { Presence } from './presence.ts';

const clientId = '3f0c8f5e-7a54-4c7e-9d8e-0c9f2d1f6a11';
const member = (id: string, info: unknown = null): { id: string; info: unknown } => ({ id, info });
const NEWS = { news: { position: '1-0' } };

let edge: ScriptedEdge;
let client: HoldfastClient;

beforeEach(async () => {
  edge = await ScriptedEdge.start();
  vi.spyOn(Math, 'random').mockReturnValue(0);
});

afterEach(async () => {
  client.close();
  await edge[Symbol.asyncDispose]();
  vi.restoreAllMocks();
});

/** What a view emitted, in order. */
function recorded(view: Presence): string[] {
  const events: string[] = [];
  view.on('joined', ({ id }) => events.push(`+${id}`));
  view.on('left', ({ id, info }) => events.push(`-${id} ${JSON.stringify(info)}`));
  view.on('change', ({ count, version }) => events.push(`${count} at ${version}`));
  return events;
}

async function watching(): Promise<{ peer: Peer; view: Presence; events: string[] }> {
  client = connect({ url: edge.url, clientId, presence: true });
  const view = client.presence('news');
  const events = recorded(view);
  const peer = await edge.peer(0);
  peer.welcome(NEWS);
  return { peer, view, events };
}

const frame = (version: number, count: number) => ({ type: 'presence', topic: 'news', version, count }) as const;

describe('presence', () => {
  it('is asked for with the first connection by the option, else by the first view, with one more connection', async () => {
    client = connect({ url: edge.url, clientId, presence: true });
    client.presence('news');
    expect((await edge.peer(0)).url.searchParams.get('presence')).toBe('1');
    client.close();

    client = connect({ url: edge.url, clientId });
    const first = await edge.peer(1);
    expect(first.url.searchParams.has('presence')).toBe(false);
    first.welcome(NEWS);
    await eventually(() => client.state === 'open');
    client.presence('news');
    client.presence('sport');
    const second = await edge.peer(2);
    expect(second.url.searchParams.get('presence')).toBe('1');
    await eventually(() => second.received.length > 0);
    expect(second.received).toEqual([{ type: 'resume', positions: { news: '1-0' } }]);
    // Not 1000, with which an edge takes it that the client leaves.
    expect(await eventually(() => first.closeCode)).toBe(4000);
    second.welcome(NEWS);
    await eventually(() => client.state === 'open');
    expect(edge.peers).toHaveLength(3);
  });

  it('is a live map, with what came between the frames of a snapshot', async () => {
    const { peer, view, events } = await watching();
    expect([view.count, view.version, view.size]).toEqual([0, 0, 0]);
    peer.send(
      { ...frame(7, 3), members: [member('ann', { n: 1 }), member('bob')], more: true },
      { ...frame(8, 3), joined: [member('dan')], left: ['bob'] },
      { ...frame(7, 3), members: [member('~00c0ffee00c0ffee')], more: false },
    );
    await view.ready;
    expect([...view]).toEqual([
      ['ann', { n: 1 }],
      ['~00c0ffee00c0ffee', null],
      ['dan', null],
    ]);
    expect([view.get('ann'), view.has('bob'), view.size, view.count, view.version]).toEqual([{ n: 1 }, false, 3, 3, 8]);
    expect([[...view.keys()], [...view.values()]]).toEqual([[...view].map(([id]) => id), [...view].map(([, i]) => i)]);
    const each: unknown[] = [];
    view.forEach((info, id) => each.push([id, info]));
    expect(each).toEqual([...view]);
    // Who was there before is no news.
    expect(events).toEqual(['3 at 8']);
  });

  it('emits who joined and who left, and takes a changed info', async () => {
    const { peer, view, events } = await watching();
    peer.send(
      { ...frame(1, 1), members: [member('ann', 'a')] },
      { ...frame(2, 2), joined: [member('bob')], left: [] },
      { ...frame(3, 1), joined: [], left: ['ann', 'unknown'] },
      { ...frame(4, 1), joined: [member('bob', 'changed')], left: [] },
      { ...frame(4, 1), joined: [member('again')], left: [] },
      { ...frame(5, 2), joined: [member('eve')], left: [] },
    );
    await eventually(() => view.version === 5);
    expect(events).toEqual(['1 at 1', '+bob', '2 at 2', '-ann "a"', '1 at 3', '1 at 4', '+eve', '2 at 5']);
    expect([...view]).toEqual([
      ['bob', 'changed'],
      ['eve', null],
    ]);
  });

  it('after a reconnect emits true changes only', async () => {
    const { peer, view, events } = await watching();
    peer.send({ ...frame(5, 2), members: [member('ann', 1), member('bob', 2)] });
    await view.ready;
    peer.cut();
    const next = await edge.peer(1);
    expect(next.url.searchParams.get('presence')).toBe('1');
    expect(view.size).toBe(2);
    next.welcome(NEWS);
    next.send(
      // Of before the snapshot, should one come.
      { ...frame(6, 3), joined: [member('early')] },
      { ...frame(9, 2), members: [member('bob', 2)], more: true },
      { ...frame(9, 2), members: [member('eve', 3)] },
    );
    await eventually(() => view.version === 9);
    expect(events.slice(1)).toEqual(['+eve', '-ann 1', '2 at 9']);
    expect([...view.keys()]).toEqual(['bob', 'eve']);
  });

  it('waits for a snapshot when a version is missing', async () => {
    const { peer, view, events } = await watching();
    peer.send(
      { ...frame(1, 1), members: [member('ann')] },
      { ...frame(3, 2), joined: [member('bob')] },
      { ...frame(4, 3), joined: [member('eve')] },
      { ...frame(4, 3), members: [member('ann'), member('bob'), member('eve')] },
    );
    await eventually(() => view.version === 4);
    expect(events).toEqual(['1 at 1', '+bob', '+eve', '3 at 4']);
  });

  it('takes a snapshot that begins anew in place of one that was not whole', async () => {
    const { peer, view } = await watching();
    peer.send(
      { ...frame(1, 2), members: [member('gone')], more: true },
      { ...frame(5, 1), members: [member('ann')] },
      { ...frame(6, 2), joined: [member('bob')] },
    );
    await eventually(() => view.version === 6);
    expect([...view.keys()]).toEqual(['ann', 'bob']);
  });

  it('past the limit is a number, and no member has left by that', async () => {
    const { peer, view, events } = await watching();
    peer.send({ ...frame(1, 1), members: [member('ann')] }, frame(2, 1001), frame(3, 1002));
    await eventually(() => view.version === 3);
    expect([view.countOnly, view.count, view.size]).toEqual([true, 1002, 0]);
    expect(events).toEqual(['1 at 1', '1001 at 2', '1002 at 3']);
    peer.send({ ...frame(4, 2), members: [member('ann'), member('bob')] });
    await eventually(() => view.version === 4);
    expect([view.countOnly, view.count, view.size]).toEqual([false, 2, 2]);
    expect(events.slice(3)).toEqual(['2 at 4']);
  });

  it('is known at once to a view that comes later, also when it is the first of its topic', async () => {
    client = connect({ url: edge.url, clientId, presence: true });
    const peer = await edge.peer(0);
    peer.welcome(NEWS);
    peer.send({ ...frame(1, 1), members: [member('ann')] });
    const frames: string[] = [];
    client.on('frame', (text) => frames.push(text));
    await eventually(() => frames.length === 2);
    const view = client.presence('news');
    await view.ready;
    expect([...view.keys()]).toEqual(['ann']);
  });

  it('is unknown again once the topic is not received any more', async () => {
    const { peer, view, events } = await watching();
    peer.send(
      { ...frame(1, 1), members: [member('ann')] },
      { type: 'unsubscribed', topic: 'news', reason: 'requested' },
    );
    await eventually(() => events.length === 2);
    expect([view.size, view.count, view.version]).toEqual([0, 0, 0]);
    peer.send({ type: 'subscribed', topic: 'news', position: '1-0' }, { ...frame(3, 1), members: [member('bob')] });
    await eventually(() => view.size === 1);
    peer.cut();
    (await edge.peer(1)).welcome({});
    await eventually(() => view.size === 0);
    expect(events).toEqual(['1 at 1', '0 at 0', '1 at 3', '0 at 0']);
  });

  it('ends with its view, and with the client', async () => {
    const { peer, view, events } = await watching();
    const other = client.presence('news');
    const never = client.presence('sport');
    const whole = { ...frame(1, 1), members: [member('ann')] };
    other.on('joined', () => other.close());
    const late: unknown[] = [];
    other.on('change', ({ version }) => late.push(version));
    peer.send(whole);
    await view.ready;
    view.close();
    peer.send({ ...frame(2, 2), joined: [member('bob')] });
    await eventually(() => other.version === 2);
    expect(events).toEqual(['1 at 1']);
    expect(late).toEqual([1]);
    client.close();
    await expect(never.ready).rejects.toMatchObject({ code: 'closed' });
    await expect(client.presence('weather').ready).rejects.toMatchObject({ code: 'closed' });
    await other.ready;
  });

  it('reports a listener that throws as those of the client', async () => {
    const { peer, view } = await watching();
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    view.on('change', () => {
      throw new Error('mine');
    });
    peer.send({ ...frame(1, 1), members: [member('ann')] });
    await eventually(() => errors.length > 0);
    expect(errors).toMatchObject([{ event: 'change', error: { message: 'mine' } }]);
  });

  it.each([
    '{"type":"presence","topic":"news","version":1}',
    '{"type":"presence","topic":"news","version":1,"count":1,"members":{}}',
    '{"type":"presence","topic":"news","version":1,"count":1,"joined":[{"info":1}]}',
    '{"type":"presence","topic":"news","version":1,"count":1,"left":[1]}',
    '{"type":"expiring"}',
  ])('that is no frame is no reason to go on: %s', async (text) => {
    const { peer } = await watching();
    peer.sendText(text);
    await edge.peer(1);
    expect(await eventually(() => peer.isClosed)).toBe(true);
  });
});
