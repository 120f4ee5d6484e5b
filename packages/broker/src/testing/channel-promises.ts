import { randomUUID } from 'node:crypto';
import { channelTopic, onlineChannel } from '@holdfast/protocol/pusher-channels';
import { eventually } from '@holdfast/testkit/eventually';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ControlBroker, KnownApp } from '../broker.ts';
import type { LivePayload } from '../live/payload.ts';
import { settingsText } from '../topics/state.ts';
import type { EdgeSide } from './edge-promises.ts';

/** One implementation of all that edges are promised of channels. */
export interface ChannelSide extends Pick<EdgeSide, 'edge' | 'listen'> {
  readonly control: Pick<ControlBroker, 'publishToChannel' | 'writeApps' | 'terminateConnections'>;
}

const PRESENCE = { by: 'user', show: 'members', limit: 100, graceSeconds: 0 } as const;

const frameOf = (text: string): Buffer => Buffer.from(JSON.stringify({ event: 'said', data: text }));

/** All that comes on the live channel of a topic, from here on. */
async function receivedOn({ listen }: ChannelSide, topic: string): Promise<LivePayload[]> {
  const payloads: LivePayload[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const live = await listen(randomUUID(), {
    onTopic: (_, payload) => void payloads.push(payload),
    onOwn: () => undefined,
    onWakeUp: () => undefined,
    onSubscribed: (topics) => topics.includes(topic) && resolve(),
    onDisconnected: () => undefined,
  });
  onTestFinished(live.start());
  live.subscribe(topic);
  await promise;
  return payloads;
}

/** The promises of `EdgeChannels`, and of what comes on the live channels of channels, for every implementation of them. */
export function channelPromises(name: string, open: () => ChannelSide): void {
  const fresh = (channel = 'room') => {
    const appId = randomUUID();
    return { ...open(), appId, topic: channelTopic(appId, channel) };
  };

  describe(`${name}: a channel`, () => {
    test('is made by who opens it, and is as it was for who opens it next', async () => {
      const { edge, topic } = fresh();
      const { state, cached } = await edge.openChannel(topic, null);
      expect([state.last, state.presence, state.dormant, cached]).toEqual([state.start, null, false, null]);
      expect(await edge.openChannel(topic, null)).toEqual({ state, cached });
      const known = { topic, incarnation: state.incarnation, last: state.last, settings: settingsText(state) };
      expect(await edge.compareTopics([known])).toEqual(new Map());
    });

    test('has a log in which each event names the one before, and who does not get it', async () => {
      const { edge, control, topic } = fresh();
      const { state } = await edge.openChannel(topic, null);
      const first = await edge.publishToChannel(topic, { frame: frameOf('1'), except: '7.1' });
      const second = await control.publishToChannel(topic, { frame: frameOf('2') });
      const page = await edge.readLog(topic, state.last, 10);
      expect(page).toMatchObject({ incarnation: state.incarnation, last: second, firstPrev: state.start });
      expect(page?.entries).toEqual([
        { id: first, prev: state.start, data: frameOf('1'), except: '7.1' },
        { id: second, prev: first, data: frameOf('2') },
      ]);
    });

    test('is made by a publish too, and has the presence with which it is opened', async () => {
      const { edge, control, topic } = fresh('presence-room');
      const id = await control.publishToChannel(topic, { frame: frameOf('1') });
      const { state } = await edge.openChannel(topic, PRESENCE);
      expect(state).toMatchObject({ last: id, presence: PRESENCE });
    });

    test('keeps the last event that is to be kept', async () => {
      const { edge, control, topic } = fresh('cache-room');
      const id = await control.publishToChannel(topic, { frame: frameOf('1'), cached: true });
      await edge.publishToChannel(topic, { frame: frameOf('2') });
      const { cached } = await edge.openChannel(topic, null);
      expect(cached).toMatchObject({ id, frame: frameOf('1') });
      expect(cached?.ttlMs).toBeGreaterThan(0);
    });
  });

  describe(`${name}: the live channel of a channel`, () => {
    test('carries events, with who does not get them', async () => {
      const its = fresh();
      const { edge, control, topic } = its;
      const payloads = await receivedOn(its, topic);
      const first = await control.publishToChannel(topic, { frame: frameOf('1') });
      const second = await edge.publishToChannel(topic, { frame: frameOf('2'), except: '7.1' });
      const { state } = await edge.openChannel(topic, null);
      await eventually(() =>
        expect(payloads).toEqual([
          { kind: 'message', prev: state.start, id: first, data: frameOf('1') },
          { kind: 'message', prev: first, id: second, data: frameOf('2'), except: '7.1' },
        ]),
      );
    });

    test('carries how many subscribers all edges have, when it is to be published', async () => {
      const its = fresh();
      const { edge, topic } = its;
      const payloads = await receivedOn(its, topic);
      const [a, b] = [randomUUID(), randomUUID()];
      expect(await edge.countSubscribers(topic, a, 3, true)).toBeNull();
      await edge.changeOccupancy(a, [topic], []);
      await edge.changeOccupancy(b, [topic], []);
      expect(await edge.countSubscribers(topic, a, 3, true)).toBe(4);
      expect(await edge.countSubscribers(topic, b, 5, false)).toBe(8);
      expect(await edge.countSubscribers(topic, a, 2, true)).toBe(7);
      await edge.changeOccupancy(b, [], [topic]);
      expect(await edge.countSubscribers(topic, b, 0, true)).toBe(2);
      await eventually(() => expect(payloads).toEqual([4, 7, 2].map((count) => ({ kind: 'subscribers', count }))));
    });

    test('carries that the connections of a user are to end', async () => {
      const its = fresh();
      const { control, appId } = its;
      const payloads = await receivedOn(its, channelTopic(appId, onlineChannel('ann')));
      expect(await control.terminateConnections(appId, 'bob')).toEqual({ missed: 0 });
      expect(await control.terminateConnections(appId, 'ann')).toEqual({ missed: 0 });
      await eventually(() => expect(payloads).toEqual([{ kind: 'terminate' }]));
    });
  });

  test(`${name}: an app is known when it was written, and others are unknown then`, async () => {
    const { edge, control, appId } = fresh();
    const limits = { maxEventBytes: 10, maxPresenceMembers: 10 };
    const options = { clientEvents: true, subscriptionCount: false };
    const app: KnownApp = { apiKey: 'mobile', appId, key: randomUUID(), secret: 's', ...options, ...limits };
    await control.writeApps([app], []);
    expect(await edge.readApp(app.key)).toEqual(app);
    expect(await edge.readApp(randomUUID())).toBe('unknown');
    await control.writeApps([], [app.key]);
    expect(await edge.readApp(app.key)).toBe('unknown');
  });

  test(`${name}: which edges have a channel is written whatever events are wanted`, () => {
    const { edge, topic } = fresh();
    expect([edge.isOccupancyWanted(topic), edge.isOccupancyWanted(randomUUID())]).toEqual([true, false]);
    expect(edge.isChannelEventWanted(topic, 'channel.cache-miss')).toBe(false);
  });
}
