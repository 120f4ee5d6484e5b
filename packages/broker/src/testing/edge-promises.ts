import { randomUUID } from 'node:crypto';
import type { Position } from '@holdfast/protocol/position-order';
import { DEFAULT_HISTORY, MAX_PAGE_BYTES } from '@holdfast/protocol/limits';
import { eventually } from '@holdfast/testkit/eventually';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ClaimOutcome, ControlBroker, EdgeBroker, TopicSettings } from '../broker.ts';
import type { EdgeDetails } from '../edges/state.ts';
import { type ClientState, closedRanges, parseStart } from '../clients/state.ts';
import type { LiveSubscriber, LiveListener } from '../live/subscriber.ts';
import { NO_SETTINGS, settingsText, startNow } from '../topics/state.ts';

/** What control-api does to the data that edges read. */
export interface ControlSide {
  putTopic(topic: string, settings?: Pick<TopicSettings, 'expireSeconds' | 'presence'>): Promise<void>;
  /** Waits until the topic has expired, which no edge has. */
  expireTopic(topic: string): Promise<void>;
  deleteTopic(topic: string): Promise<void>;
  publish(topic: string, text: string): Promise<Position>;
  register(clientId: string, topics: readonly string[]): Promise<void>;
  unregister(clientId: string): Promise<void>;
  subscribe(clientId: string, topic: string): Promise<void>;
  unsubscribe(clientId: string, topic: string): Promise<void>;
  disconnect(clientId: string): Promise<void>;
  /** The owner's edge has lost its lease. */
  markGone(clientId: string): Promise<void>;
  publishToClient(clientId: string, text: string): Promise<Position>;
}

/** One implementation of all that edges are promised. */
export interface EdgeSide {
  readonly edge: EdgeBroker;
  readonly control: ControlSide;
  listen(edge: string, listener: LiveListener): Promise<LiveSubscriber>;
}

export function controlSide(broker: ControlBroker): ControlSide {
  async function startOf(topic: string): Promise<string> {
    const [state] = await broker.readTopics([topic]);
    if (!state) throw new Error(`there is no topic ${topic}`);
    return startNow(state);
  }

  return {
    putTopic: async (topic, settings = {}) => void (await broker.putTopic(topic, settings)),
    expireTopic: async (topic) => {
      await broker.putTopic(topic, { expireSeconds: 1 });
      await eventually(async () => {
        await broker.expireTopics(100);
        expect(await broker.readTopics([topic])).toEqual([null]);
      });
    },
    deleteTopic: async (topic) => void (await broker.deleteTopic(topic)),
    publish: async (topic, text) => idOf(await broker.publish(topic, Buffer.from(text))),
    register: async (clientId, topics) => {
      const starts = await Promise.all(topics.map(async (topic) => [topic, await startOf(topic)] as const));
      const client = { clientId, key: 'test', name: null, registeredAt: Date.now(), topics: new Map(starts) };
      await broker.register(client, null);
    },
    unregister: async (clientId) => void (await broker.unregister(clientId)),
    subscribe: async (clientId, topic) => {
      await broker.changeTopics(clientId, { add: new Map([[topic, await startOf(topic)]]) });
    },
    unsubscribe: async (clientId, topic) => {
      const [state] = await broker.readTopics([topic]);
      await broker.changeTopics(clientId, { remove: [topic], endsAt: new Map([[topic, state?.last ?? '']]) });
    },
    disconnect: async (clientId) => void (await broker.disconnect(clientId)),
    markGone: async (clientId) => {
      const client = await broker.readClient(clientId);
      if (client !== null) await broker.markOwnerGone(client);
    },
    publishToClient: async (clientId, text) => idOf(await broker.publishToClient(clientId, Buffer.from(text))),
  };
}

function idOf(outcome: { kind: string; id?: Position }): Position {
  if (outcome.id === undefined) throw new Error(outcome.kind);
  return outcome.id;
}

function claimed(outcome: ClaimOutcome): Extract<ClaimOutcome, { kind: 'claimed' }> {
  if (outcome.kind !== 'claimed') throw new Error(`the claim gave "${outcome.kind}"`);
  return outcome;
}

const rangesOf = (client: ClientState, topic: string) => closedRanges(client.closed.get(topic) ?? '');

const SOME_PRESENCE = { by: 'user', show: 'members', limit: 10, graceSeconds: 5 } as const;

const detailsOf = (id: string): EdgeDetails => ({
  id,
  url: 'ws://127.0.0.1:1',
  connections: 0,
  maxConnections: 1,
  draining: false,
  startedAt: 1,
});

/** The promises of `EdgeBroker` and `LiveSubscriber`, for every implementation of them. */
export function edgePromises(name: string, open: () => EdgeSide): void {
  const fresh = () => ({ ...open(), clientId: randomUUID(), topic: randomUUID(), a: randomUUID(), b: randomUUID() });

  async function registered(topics: number = 0) {
    const its = fresh();
    const names = Array.from({ length: topics }, () => randomUUID());
    for (const topic of names) await its.control.putTopic(topic);
    await its.control.register(its.clientId, names);
    return { ...its, topics: names };
  }

  async function owned(topics: number = 0) {
    const its = await registered(topics);
    const claim = claimed(await its.edge.claim({ clientId: its.clientId, edge: its.a }));
    /** The state as the owner reads it. */
    const read = async (): Promise<ClientState> => {
      const request = { clientId: its.clientId, edge: its.a, generation: claim.generation };
      return claimed(await its.edge.claim(request)).client;
    };
    return { ...its, ...claim, read };
  }

  async function takenOver() {
    const its = await owned();
    const asked = await its.edge.claim({ clientId: its.clientId, edge: its.b });
    if (asked.kind !== 'owned-by-other') throw new Error(asked.kind);
    const second = claimed(await its.edge.claim({ clientId: its.clientId, edge: its.b, generation: asked.generation }));
    return { ...its, first: its.generation, second: second.generation };
  }

  async function listening() {
    const its = fresh();
    const events: string[] = [];
    const live = await its.listen(its.a, {
      onTopic: (topic, payload) =>
        events.push(
          payload.kind === 'message'
            ? `${topic} ${payload.prev} ${payload.id} ${String(payload.data)}`
            : `${topic} ${payload.kind}`,
        ),
      onOwn: (payload) => events.push(payload.kind === 'probe' ? `own ${payload.nonce}` : payload.kind),
      onWakeUp: () => events.push('wake-up'),
      onSubscribed: (topics) => events.push(...topics.map((topic) => `subscribed ${topic}`)),
      onDisconnected: () => events.push('disconnected'),
    });
    onTestFinished(live.start());
    const counted = (event: string) => events.filter((one) => one === event).length;
    await its.control.putTopic(its.topic);
    return { ...its, events, live, counted };
  }

  describe(`${name}: a claim`, () => {
    test('finds no client that is not registered, or is so by another registration', async () => {
      const { edge, clientId, a, incarnation } = await registered().then(async (its) => ({
        ...its,
        incarnation: claimed(await its.edge.claim({ clientId: its.clientId, edge: its.a })).client.incarnation,
      }));
      expect(await edge.claim({ clientId: randomUUID(), edge: a })).toEqual({ kind: 'not-found' });
      expect(await edge.claim({ clientId, edge: a, incarnation: `${incarnation}1` })).toEqual({ kind: 'not-found' });
      expect(await edge.claim({ clientId, edge: a, incarnation, generation: 1 })).not.toEqual({ kind: 'not-found' });
    });

    test('gives a client without an owner, with its state as it was before', async () => {
      const { client, generation, clientId, topics, read, a } = await owned(2);
      expect(generation).toBeGreaterThan(0);
      expect(client).toMatchObject({ clientId, owner: null, notify: [], disconnectUpTo: 0 });
      expect([...client.topics.keys()].toSorted()).toEqual(topics.toSorted());
      expect(await read()).toMatchObject({ owner: { edge: a, generation }, notify: [a] });
    });

    test('of a new connection does not replace the owner, and gives a generation that does', async () => {
      const { edge, clientId, generation, a, b } = await owned();
      const asked = await edge.claim({ clientId, edge: b });
      if (asked.kind !== 'owned-by-other') throw new Error(asked.kind);
      expect(asked.client.owner).toEqual({ edge: a, generation });
      expect(asked.generation).toBeGreaterThan(generation);
      expect(await edge.claim({ clientId, edge: a, generation })).toMatchObject({ kind: 'claimed' });
      const taken = claimed(await edge.claim({ clientId, edge: b, generation: asked.generation }));
      expect(taken.generation).toBe(asked.generation);
      const again = claimed(await edge.claim({ clientId, edge: b, generation: asked.generation }));
      expect(again.client.owner).toEqual({ edge: b, generation: asked.generation });
    });

    test('of an older generation changes nothing', async () => {
      const { edge, clientId, a, b, first, second } = await takenOver();
      expect(await edge.claim({ clientId, edge: a, generation: first })).toMatchObject({
        kind: 'owned-by-other',
        client: { owner: { edge: b, generation: second } },
      });
    });

    test('of the owner reads the state only where it differs', async () => {
      const { edge, control, clientId, a, generation, topics } = await owned(1);
      const known = claimed(await edge.claim({ clientId, edge: a, generation }));
      const ask = () => edge.claim({ clientId, edge: a, generation, digest: known.digest });
      expect(await ask()).toEqual({ kind: 'unchanged' });
      await control.unsubscribe(clientId, topics[0] ?? '');
      const differing = claimed(await ask());
      expect(differing.client.topics.size).toBe(0);
      expect(differing.digest).not.toBe(known.digest);
    });

    test('has both edges notified until the older connection is released', async () => {
      const { edge, clientId, a, b, first, second } = await takenOver();
      const notified = async () =>
        claimed(await edge.claim({ clientId, edge: b, generation: second })).client.notify.toSorted();
      expect(await notified()).toEqual([a, b].toSorted());
      await edge.release(clientId, a, first);
      expect(await notified()).toEqual([b]);
    });

    test('gives a client again that was released, to a connection of any generation', async () => {
      const { edge, clientId, a, b, generation } = await owned();
      await edge.release(clientId, a, generation);
      const later = claimed(await edge.claim({ clientId, edge: b }));
      expect(later.client.owner).toBeNull();
      expect(later.generation).toBeGreaterThan(generation);
      await edge.release(clientId, b, 0);
      const old = claimed(await edge.claim({ clientId, edge: a, generation }));
      expect(old.client.owner).toBeNull();
      expect(old.generation).toBeGreaterThan(later.generation);
    });

    test('gives it to the older connection below a handshake that is under way, which is newer', async () => {
      const { edge, clientId, a, b, first, second } = await takenOver();
      const asked = await edge.claim({ clientId, edge: b });
      if (asked.kind !== 'owned-by-other') throw new Error(asked.kind);
      await edge.release(clientId, b, second);
      const back = claimed(await edge.claim({ clientId, edge: a, generation: first }));
      expect(back.generation).toBeGreaterThan(second);
      expect(back.generation).toBeLessThan(asked.generation);
      const { generation } = asked;
      expect(await edge.claim({ clientId, edge: b, generation })).toMatchObject({ kind: 'claimed', generation });
    });

    test('of a new connection leaves also an owner that is marked as gone, should its edge only have been late', async () => {
      const { edge, control, clientId, generation, a, b } = await owned();
      await control.markGone(clientId);
      const asked = await edge.claim({ clientId, edge: b });
      if (asked.kind !== 'owned-by-other') throw new Error(asked.kind);
      expect(asked.client).toMatchObject({ owner: null, goneOwner: { edge: a, generation }, notify: [a] });
      const late = claimed(await edge.claim({ clientId, edge: a, generation }));
      expect(late.generation).toBe(generation);
      const taken = claimed(await edge.claim({ clientId, edge: b, generation: asked.generation }));
      expect(taken.client).toMatchObject({ owner: { edge: a, generation }, notify: [a] });
      expect(taken.client.goneOwner).toBeUndefined();
    });

    test('of an older connection gets no client whose newer owner is marked as gone', async () => {
      const { edge, control, clientId, a, b, first, second } = await takenOver();
      await control.markGone(clientId);
      const old = await edge.claim({ clientId, edge: a, generation: first });
      expect(old).toMatchObject({
        kind: 'owned-by-other',
        client: { owner: null, goneOwner: { edge: b, generation: second } },
      });
      const late = claimed(await edge.claim({ clientId, edge: b, generation: second }));
      expect(late.generation).toBe(second);
    });

    test('of a new connection leaves a client to the handshake that is under way', async () => {
      const { edge, clientId, generation, a, b, read } = await owned();
      const first = await edge.claim({ clientId, edge: b });
      await edge.release(clientId, a, generation);
      const second = await edge.claim({ clientId, edge: a });
      if (first.kind !== 'owned-by-other' || second.kind !== 'owned-by-other') throw new Error(second.kind);
      expect(second.client.owner).toBeNull();
      for (const [at, its] of [
        [b, first],
        [a, second],
      ] as const) {
        const taken = await edge.claim({ clientId, edge: at, generation: its.generation });
        expect(taken).toMatchObject({ kind: 'claimed', generation: its.generation });
      }
      await expect(read()).rejects.toThrow('owned-by-other');
      await edge.release(clientId, a, second.generation);
      expect(await edge.claim({ clientId, edge: b })).toMatchObject({ kind: 'claimed' });
    });

    test('and a release say since when the client is connected, or is not', async () => {
      const { edge, clientId, a, generation, client, read } = await owned();
      const before = (await read()).since;
      expect(before).toBeGreaterThanOrEqual(client.since);
      expect(Math.abs(before - Date.now())).toBeLessThan(600_000);
      await edge.release(clientId, a, generation);
      expect(claimed(await edge.claim({ clientId, edge: a })).client.since).toBeGreaterThanOrEqual(before);
    });
  });

  describe(`${name}: a release`, () => {
    test('ends no ownership of a newer connection', async () => {
      const { edge, clientId, a, b, first, second } = await takenOver();
      await edge.release(clientId, a, first);
      await edge.release(clientId, a, 0);
      expect(claimed(await edge.claim({ clientId, edge: b, generation: second })).client.owner).toEqual({
        edge: b,
        generation: second,
      });
    });
  });

  describe(`${name}: closed ranges`, () => {
    test('hold what a subscription brought until it ended', async () => {
      const { control, clientId, read, topics } = await owned(2);
      const [topic = '', silent = ''] = topics;
      const { position: begin, incarnation } = parseStart((await read()).topics.get(topic) ?? '');
      const end = await control.publish(topic, '1');
      for (const one of topics) await control.unsubscribe(clientId, one);
      const client = await read();
      expect(rangesOf(client, topic)).toEqual([{ begin, end, incarnation, dropped: false }]);
      expect(client.closed.has(silent)).toBe(false);
    });

    test('of a client without an owner are dropped, from the first that was', async () => {
      const { control, edge, clientId, a, topics } = await registered(1);
      const [topic = ''] = topics;
      const ids: Position[] = [];
      for (let round = 0; round < 3; round += 1) {
        if (round > 0) await control.subscribe(clientId, topic);
        ids.push(await control.publish(topic, '1'));
        await control.unsubscribe(clientId, topic);
      }
      const [range, ...others] = rangesOf(claimed(await edge.claim({ clientId, edge: a })).client, topic);
      expect(others).toEqual([]);
      expect(range).toMatchObject({ dropped: true, end: ids.at(-1) });
      expect(ids).not.toContain(range?.begin);
    });

    test('are removed as they were read, and what was added since stays', async () => {
      const { control, edge, clientId, read, topics } = await owned(1);
      const [topic = ''] = topics;
      await control.publish(topic, '1');
      await control.unsubscribe(clientId, topic);
      const first = await read();
      await control.subscribe(clientId, topic);
      const end = await control.publish(topic, '2');
      await control.unsubscribe(clientId, topic);
      expect(rangesOf(await read(), topic)).toHaveLength(2);
      await edge.acknowledgeRanges({ ...first, incarnation: `${first.incarnation}1` }, first.closed);
      expect(rangesOf(await read(), topic)).toHaveLength(2);
      await edge.acknowledgeRanges(first, first.closed);
      expect(rangesOf(await read(), topic)).toMatchObject([{ end }]);
      await edge.acknowledgeRanges(first, (await read()).closed);
      expect((await read()).closed.size).toBe(0);
    });

    test('that were read before a dropped range has grown leave that', async () => {
      const { control, edge, clientId, a, generation, topics } = await owned(1);
      const [topic = ''] = topics;
      const round = async () => {
        const id = await control.publish(topic, '1');
        await control.unsubscribe(clientId, topic);
        await control.subscribe(clientId, topic);
        return id;
      };
      await round();
      await edge.release(clientId, a, generation);
      await round();
      const known = claimed(await edge.claim({ clientId, edge: a })).client;
      expect(rangesOf(known, topic)).toMatchObject([{ dropped: false }, { dropped: true }]);
      await edge.release(clientId, a, 0);
      const end = await round();
      await edge.acknowledgeRanges(known, known.closed);
      const left = claimed(await edge.claim({ clientId, edge: a })).client;
      expect(rangesOf(left, topic)).toMatchObject([{ dropped: true, end }]);
    });
  });

  describe(`${name}: a client’s state`, () => {
    test('has the generation up to which an operator had connections closed', async () => {
      const { control, clientId, generation, read } = await owned();
      await control.disconnect(clientId);
      expect((await read()).disconnectUpTo).toBe(generation);
    });

    test('has the last position of its inbox, whose log it continues', async () => {
      const { control, edge, clientId, read } = await owned();
      const start = (await read()).ownPosition;
      expect(await edge.readClientLog(clientId, start, 10)).toMatchObject({ start, last: start, entries: [] });
      const id = await control.publishToClient(clientId, '1');
      expect((await read()).ownPosition).toBe(id);
      expect(await edge.readClientLog(clientId, start, 10)).toMatchObject({
        last: id,
        firstPrev: start,
        entries: [{ id, prev: start, data: Buffer.from('1') }],
      });
      expect(await edge.readClientLog(randomUUID(), null, 10)).toBeNull();
    });
  });

  describe(`${name}: a topic`, () => {
    test('is read, and compared with what is known of it', async () => {
      const { control, edge, topic } = fresh();
      expect(await edge.readTopics([topic])).toEqual([null]);
      await control.putTopic(topic);
      const [state] = await edge.readTopics([topic]);
      const known = { topic, incarnation: state?.incarnation ?? '', last: state?.last ?? '', settings: '' };
      expect(await edge.compareTopics([known])).toEqual(new Map());
      const last = await control.publish(topic, '1');
      expect(await edge.compareTopics([known])).toEqual(new Map([[known, { ...state, last }]]));
      await control.deleteTopic(topic);
      expect(await edge.compareTopics([known])).toEqual(new Map([[known, null]]));
      await control.putTopic(topic);
      const [again] = await edge.readTopics([topic]);
      expect(again?.incarnation).not.toBe(state?.incarnation);
      expect(await edge.compareTopics([known])).toEqual(new Map([[known, again]]));
    });

    test('that has expired is one without messages, and goes on from its end when it comes back', async () => {
      const { control, edge, topic } = fresh();
      await control.putTopic(topic);
      await control.publish(topic, '1');
      const last = await control.publish(topic, '2');
      await control.expireTopic(topic);
      const [state] = await edge.readTopics([topic]);
      expect(state).toMatchObject({ last, dormant: true, expireSeconds: null });
      const known = { topic, incarnation: state?.incarnation ?? '', last, settings: '' };
      expect(await edge.compareTopics([known])).toEqual(new Map());
      expect(await edge.readLog(topic, last, 10)).toMatchObject({
        last,
        firstPrev: null,
        contains: false,
        entries: [],
      });
      await control.putTopic(topic);
      const id = await control.publish(topic, '3');
      expect((await edge.readTopics([topic]))[0]).toEqual({ ...state, last: id, dormant: false });
      expect(await edge.readLog(topic, last, 10)).toMatchObject({ last: id, firstPrev: last, entries: [{ id }] });
    });

    test('differs from what is known when its expiry or presence does', async () => {
      const { control, edge, topic } = fresh();
      await control.putTopic(topic);
      const [state] = await edge.readTopics([topic]);
      const known = { topic, incarnation: state?.incarnation ?? '', last: state?.last ?? '', settings: '' };
      for (const settings of [{ expireSeconds: 60 }, { presence: SOME_PRESENCE }, { expireSeconds: null }]) {
        await control.putTopic(topic, settings);
        const now = (await edge.compareTopics([known])).get(known);
        expect(now).toMatchObject(settings);
        known.settings = settingsText(now ?? NO_SETTINGS);
        expect(await edge.compareTopics([known])).toEqual(new Map());
      }
      await edge.touchTopic(topic);
      expect(await edge.compareTopics([known])).toEqual(new Map());
    });

    test('has a log in which each entry names the one before', async () => {
      const { control, edge, topic } = fresh();
      expect(await edge.readLog(topic, null, 10)).toBeNull();
      await control.putTopic(topic);
      const ids = [
        await control.publish(topic, '1'),
        await control.publish(topic, '2'),
        await control.publish(topic, '3'),
      ];
      const page = await edge.readLog(topic, null, 10);
      expect(page?.entries.map(({ id }) => id)).toEqual(ids);
      expect(page?.entries.map(({ prev }) => prev)).toEqual([page?.start, ...ids.slice(0, 2)]);
      expect(page).toMatchObject({ firstPrev: page?.start, last: ids[2], contains: false });
      const rest = await edge.readLog(topic, ids[0] ?? '', 1);
      expect(rest).toMatchObject({ contains: true, firstPrev: page?.start, entries: [{ id: ids[1] }] });
      expect(rest?.entries).toHaveLength(1);
      await control.deleteTopic(topic);
      expect(await edge.readLog(topic, null, 10)).toBeNull();
    });

    test('has a page of limited bytes, and of one entry at least', async () => {
      const { control, edge, topic } = fresh();
      await control.putTopic(topic);
      const large = 'x'.repeat(MAX_PAGE_BYTES - 1000);
      const ids = [await control.publish(topic, large), await control.publish(topic, large)];
      expect((await edge.readLog(topic, null, 10))?.entries.map(({ id }) => id)).toEqual(ids.slice(0, 1));
      expect((await edge.readLog(topic, ids[0] ?? '', 10))?.entries.map(({ id }) => id)).toEqual(ids.slice(1));
    });

    test('keeps as many messages as its history has room for', async () => {
      const { control, edge, topic } = fresh();
      await control.putTopic(topic);
      const texts = Array.from({ length: DEFAULT_HISTORY.size + 1 }, (_, index) => String(index));
      const ids = await Promise.all(texts.map((text) => control.publish(topic, text)));
      const page = await edge.readLog(topic, null, 1);
      expect(page).toMatchObject({ firstPrev: ids[0], entries: [{ id: ids[1] }] });
    });
  });

  describe(`${name}: the dirty set of an edge`, () => {
    test('has a client until it is acknowledged', async () => {
      const { edge, a } = fresh();
      await edge.notify([a], 'x');
      await edge.notify([a], 'x');
      await edge.notify([a], 'y');
      expect((await edge.readPending(a, 10)).toSorted()).toEqual(['x', 'y']);
      expect(await edge.readPending(a, 1)).toHaveLength(1);
      await edge.acknowledge(a, ['x']);
      expect(await edge.readPending(a, 10)).toEqual(['y']);
    });

    test('gets every change of a client that the edge owns', async () => {
      const { edge, control, clientId, a, topics } = await owned(1);
      const [topic = ''] = topics;
      const changes = [
        () => control.unsubscribe(clientId, topic),
        () => control.subscribe(clientId, topic),
        () => control.publishToClient(clientId, '1'),
        () => control.disconnect(clientId),
        () => control.unregister(clientId),
      ];
      for (const change of changes) {
        await change();
        expect(await edge.readPending(a, 10)).toEqual([clientId]);
        await edge.acknowledge(a, [clientId]);
      }
    });

    test('goes with its lease', async () => {
      const { edge, a } = fresh();
      expect(await edge.renewLease(detailsOf(a))).toMatchObject({ alive: false });
      expect(await edge.renewLease(detailsOf(a))).toMatchObject({ alive: true });
      await edge.notify([a], 'x');
      await edge.dropLease(a);
      expect(await edge.readPending(a, 10)).toEqual([]);
      expect(await edge.renewLease(detailsOf(a))).toMatchObject({ alive: false });
    });
  });

  describe(`${name}: live channels`, () => {
    test('carry what is published once the subscription is confirmed, and that a topic is deleted', async () => {
      const { control, edge, topic, live, events, counted } = await listening();
      live.subscribe(topic);
      await eventually(() => expect(counted(`subscribed ${topic}`)).toBe(1));
      const start = (await edge.readTopics([topic]))[0]?.start;
      const first = await control.publish(topic, 'x');
      const second = await control.publish(topic, 'y');
      await control.deleteTopic(topic);
      await eventually(() =>
        expect(events.filter((event) => event.startsWith(topic))).toEqual([
          `${topic} ${start} ${first} x`,
          `${topic} ${first} ${second} y`,
          `${topic} deleted`,
        ]),
      );
    });

    test('carry that the expiry of a topic or its presence has changed, and nothing when it is as before', async () => {
      const { control, topic, live, events, counted } = await listening();
      live.subscribe(topic);
      await eventually(() => expect(counted(`subscribed ${topic}`)).toBe(1));
      for (const expireSeconds of [60, 60, 120, null, null]) await control.putTopic(topic, { expireSeconds });
      for (const presence of [SOME_PRESENCE, SOME_PRESENCE, null]) await control.putTopic(topic, { presence });
      await control.putTopic(topic);
      await control.deleteTopic(topic);
      await eventually(() => expect(counted(`${topic} deleted`)).toBe(1));
      expect(events.filter((event) => event.startsWith(topic))).toEqual([
        ...Array.from({ length: 5 }, () => `${topic} settings`),
        `${topic} deleted`,
      ]);
    });

    test('confirm and carry nothing of a topic that is no longer desired', async () => {
      const { control, topic, live, events, counted } = await listening();
      const other = randomUUID();
      await control.putTopic(other);
      live.subscribe(topic);
      live.unsubscribe(topic);
      live.subscribe(other);
      await eventually(() => expect(counted(`subscribed ${other}`)).toBe(1));
      await control.publish(topic, 'x');
      const id = await control.publish(other, 'y');
      await eventually(() => expect(events.some((event) => event.includes(id))).toBe(true));
      expect(events.filter((event) => event.includes(topic))).toEqual([]);
    });

    test('are subscribed anew after a reconnection, for which there is a wake-up', async () => {
      const { topic, live, counted } = await listening();
      live.subscribe(topic);
      await eventually(() => expect(counted(`subscribed ${topic}`)).toBe(1));
      const before = counted('wake-up');
      for (const server of live.servers()) live.reconnect(server);
      await eventually(() => expect(counted(`subscribed ${topic}`)).toBe(2));
      await eventually(() => expect(counted('wake-up')).toBeGreaterThan(before));
      expect(counted('disconnected')).toBeGreaterThan(0);
    });

    test('reach the edge itself through each server, and no edge that is gone', async () => {
      const { edge, live, counted } = await listening();
      await eventually(() => expect(live.servers().length).toBeGreaterThan(0));
      for (const { name: own } of live.servers()) {
        await eventually(async () => expect(await edge.sendProbe(own, own)).toBe(1));
        await eventually(() => expect(counted(`own ${own}`)).toBeGreaterThan(0));
      }
      expect(await edge.sendProbe(randomUUID(), 'n')).toBe(0);
    });

    test('wake the edge when a client comes into its dirty set', async () => {
      const { edge, a, counted } = await listening();
      await eventually(() => expect(counted('wake-up')).toBeGreaterThan(0));
      const before = counted('wake-up');
      await edge.notify([a], 'x');
      await eventually(() => expect(counted('wake-up')).toBeGreaterThan(before));
    });
  });
}
