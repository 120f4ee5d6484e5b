import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { MemoryRedis } from '../testing/memory-redis.ts';
import { type PusherClient, app, pusherEdge, until } from '../testing/pusher-edge.ts';

const RUNS = 40;
const CHANNELS = [
  'news',
  'private-a',
  'presence-a',
  'cache-a',
  'private-encrypted-a',
  '#server-to-user-u',
  '#online-u',
];

const channel = fc.oneof(fc.constantFrom(...CHANNELS), fc.string({ unit: 'binary', maxLength: 300 }));
const some = fc.oneof(channel, fc.jsonValue({ maxDepth: 1 }), fc.constant('x'.repeat(20_000)));

/** Frames of right and wrong shapes. */
const frame = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 50 }),
  fc.record({
    event: fc.constantFrom('pusher:subscribe', 'pusher:unsubscribe', 'pusher:signin', 'pusher:ping', 'client-a', 'evt'),
    channel: fc.option(some, { nil: undefined }),
    data: fc.oneof(
      some,
      fc.record({ channel: some, auth: some, channel_data: some, user_data: some }, { requiredKeys: [] }),
    ),
  }),
);

type Act =
  | { do: 'send'; client: number; frame: unknown }
  | { do: 'subscribe' | 'unsubscribe'; client: number; channel: string; user: string }
  | { do: 'sign-in'; client: number; user: string }
  | { do: 'publish'; channel: string }
  | { do: 'away' | 'back' | 'lose' | 'wait' | 'beat' }
  | { do: 'close' | 'stop' | 'drain'; client: number };

const client = fc.nat({ max: 3 });
const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ do: fc.constant('send' as const), client, frame }),
  fc.record({
    do: fc.constantFrom('subscribe' as const, 'unsubscribe' as const),
    client,
    channel: fc.constantFrom(...CHANNELS),
    user: fc.constantFrom('"a"', '10', '{}', '"__proto__"'),
  }),
  fc.record({ do: fc.constant('sign-in' as const), client, user: fc.constantFrom('u', 'v', '', ' ') }),
  fc.record({ do: fc.constant('publish' as const), channel: fc.constantFrom(...CHANNELS.slice(0, 6)) }),
  fc.record({ do: fc.constantFrom('away' as const, 'back', 'lose', 'wait', 'beat') }),
  fc.record({ do: fc.constantFrom('close' as const, 'stop', 'drain'), client }),
);

async function perform(edge: ReturnType<typeof pusherEdge>, clients: readonly PusherClient[], one: Act): Promise<void> {
  const { redis } = edge;
  const of = ({ client: index }: { client: number }): PusherClient => clients[index % clients.length] as PusherClient;
  switch (one.do) {
    case 'send':
      of(one).send(one.frame);
      return;
    case 'subscribe':
      of(one).subscribe(one.channel, one.channel.startsWith('presence-') ? `{"user_id":${one.user}}` : undefined);
      return;
    case 'unsubscribe':
      of(one).send({ event: 'pusher:unsubscribe', data: { channel: one.channel } });
      return;
    case 'sign-in':
      of(one).signIn({ id: one.user, watchlist: ['u', 'v', 1] });
      return;
    case 'publish':
      edge.publish(one.channel, 'evt', '1', { cached: one.channel.startsWith('cache-') });
      return;
    case 'away':
      redis.away = true;
      return;
    case 'back':
      redis.away = false;
      return;
    case 'lose':
      redis.topics.clear();
      edge.edge.compareEverything();
      return;
    case 'wait':
      return edge.settled();
    case 'beat':
      return edge.edge.beat();
    case 'close':
      edge.door.onClosed(of(one).connection);
      return;
    case 'stop':
      of(one).socket.stopped = true;
      return;
    case 'drain':
      of(one).socket.resume();
      edge.door.onDrain(of(one).connection);
      return;
  }
}

it('whatever clients send and whatever fails, no other connection notices, and nothing is left of those that end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 60 }), async (acts) => {
      const redis = new MemoryRedis();
      redis.channels.apps.set(app.key, { ...app, subscriptionCount: true });
      const edge = pusherEdge(redis);
      const clients = await Promise.all(Array.from({ length: 4 }, () => edge.connected()));
      const witness = await edge.connected();
      witness.subscribe('private-witness');
      await until(() => witness.connection.subscriptions.size === 1);
      for (const one of acts) await perform(edge, clients, one);
      redis.away = false;
      edge.edge.compareEverything();
      await edge.edge.beat();
      await until(() => edge.door.opening === 0);

      // All that is refused leaves the connection open; what is bounded closes it.
      for (const { connection } of clients) expect(connection.subscriptions.size).toBeLessThan(20);
      edge.publish('private-witness', 'evt', '1');
      await until(() => witness.of('evt').length > 0);
      expect(witness.socket.closed).toBeNull();
      witness.send({ event: 'pusher:ping', data: {} });
      expect(witness.frames().at(-1)).toEqual({ event: 'pusher:pong', data: '{}' });

      for (const { connection } of [...clients, witness]) edge.door.onClosed(connection);
      expect(edge.door.connections.size).toBe(0);
      expect(edge.door.users).toBe(0);
      expect(edge.door.opening).toBe(0);
      expect([...edge.edge.topics.names()].filter((name) => edge.edge.topics.isOccupied(name))).toEqual([]);
      expect(edge.log.lines.filter((line) => JSON.stringify(line).includes('unexpected'))).toEqual([]);
      edge.edge.start('ws://edge')();
    }),
    { numRuns: RUNS },
  );
});

it('a storm of subscriptions ends as the last frame has it', async () => {
  const edge = pusherEdge(new MemoryRedis());
  const storm = await edge.connected();
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.boolean(), fc.nat({ max: 3 }), fc.boolean()), { maxLength: 60 }),
      async (steps) => {
        const wanted = new Map<string, boolean>();
        for (const [on, index, waits] of steps) {
          const name = `private-c${index}`;
          wanted.set(name, on);
          if (on) storm.subscribe(name);
          else storm.send({ event: 'pusher:unsubscribe', data: { channel: name } });
          if (waits) await new Promise(setImmediate);
        }
        await until(() => storm.connection.opening === null);
        const has = storm.connection.subscriptions.topics().map((topic) => topic.slice('!app!'.length));
        for (const [name, on] of wanted) expect(has.includes(name)).toBe(on);
      },
    ),
    { numRuns: RUNS },
  );
});
