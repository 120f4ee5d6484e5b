import type { KnownApp } from '@holdfast/broker/broker';
import type { LiveSubscriber } from '@holdfast/broker/live-subscriber';
import { channelTopic } from '@holdfast/protocol/pusher-channels';
import { channelSignature, userSignature } from '@holdfast/pusher/signatures';
import { captureLog } from '@holdfast/service/captured-log';
import { createEdge } from '../edge.ts';
import { PusherDoor } from '../pusher/door.ts';
import type { AppHandshake } from '../pusher/handshake.ts';
import { broadcast } from '../transport/broadcast.ts';
import type { MemoryRedis } from './memory-redis.ts';
import { readFrames } from './read-frames.ts';
import { RecordingTransport } from './recording-transport.ts';
import { turns } from './turns.ts';

/** More than any chain of answers in these tests takes. */
const SETTLED_TURNS = 60;

export const app: KnownApp = {
  appId: 'app',
  key: 'app-key',
  secret: 'app-secret',
  clientEvents: true,
  subscriptionCount: false,
  maxEventBytes: 10_240,
  maxPresenceMembers: 100,
  apiKey: 'test',
};

interface ReceivedFrame {
  event: string;
  channel?: string;
  data?: unknown;
  user_id?: unknown;
}

export type PusherEdge = ReturnType<typeof pusherEdge>;
export type PusherClient = Awaited<ReturnType<PusherEdge['connected']>>;

/** An edge with the Pusher door, without sockets, on a Redis in memory. Edge ids are 12 hexadecimal digits. */
export function pusherEdge(redis: MemoryRedis, id = '00000000000a', { maxConnections = 100 } = {}) {
  if (redis.channels.apps.size === 0) redis.channels.apps.set(app.key, app);
  const log = captureLog();
  let door: PusherDoor | undefined;
  let channels: LiveSubscriber | undefined;
  const edge = createEdge({
    id,
    broker: redis.broker(),
    channels: (listener) => {
      channels = redis.subscriber(id, listener);
      return channels;
    },
    broadcast,
    logger: log.logger,
    heartbeatMs: 25_000,
    maxConnections,
    door: (deps) => {
      door = new PusherDoor(deps, {
        allowedOrigins: [],
        directWrites: false,
        frames: { framesPerSecond: 200, bytesPerSecond: 262_144 },
      });
      return door;
    },
  });
  if (door === undefined) throw new Error('the edge has no door');
  const made = door;

  /** What a client of its own sees and does. */
  function connect(handshake: AppHandshake = { ok: true, key: app.key }) {
    const socket = new RecordingTransport();
    const connection = made.open(socket, handshake);
    const frames = () =>
      socket.writes.flatMap((write) => readFrames(write).map((text) => JSON.parse(text) as ReceivedFrame));
    const send = (frame: unknown): void =>
      made.onText(connection, typeof frame === 'string' ? frame : JSON.stringify(frame));
    return {
      socket,
      connection,
      frames,
      send,
      get socketId() {
        return connection.id;
      },
      /** The data of each frame with this event, decoded. */
      of(event: string, channel?: string): unknown[] {
        return frames()
          .filter((frame) => frame.event === event && (channel === undefined || frame.channel === channel))
          .map(({ data }) => (typeof data === 'string' ? decoded(data) : data));
      },
      subscribe(channel: string, channelData?: string): void {
        const auth = `${app.key}:${channelSignature(app.secret, connection.id, channel, channelData)}`;
        send({ event: 'pusher:subscribe', data: { channel, auth, channel_data: channelData } });
      },
      signIn(user: object): void {
        const userData = JSON.stringify(user);
        const auth = `${app.key}:${userSignature(app.secret, connection.id, userData)}`;
        send({ event: 'pusher:signin', data: { auth, user_data: userData } });
      },
    };
  }

  return {
    edge,
    door: made,
    log,
    redis,
    connect,
    /** Its connection to the live channels is lost, and is there again a turn of the event loop later. */
    reconnect: () => channels?.reconnect({ server: 'Redis', name: id }),
    settled: () => turns(SETTLED_TURNS),
    /** Renews the lease, so that the edge takes connections, and does what is due once a second. */
    async beat(): Promise<void> {
      await edge.beat();
      await turns(SETTLED_TURNS);
    },
    /** A client whose connection is established. */
    async connected() {
      if (!edge.known) await edge.beat();
      const client = connect();
      await until(() => client.of('pusher:connection_established').length > 0);
      return client;
    },
    /** Publishes an event as control-api does. */
    publish(channel: string, event: string, data: string, options: { except?: string; cached?: boolean } = {}): string {
      const frame = Buffer.from(JSON.stringify({ event, channel, data }));
      return redis.channels.publish(channelTopic(app.appId, channel), { frame, ...options });
    },
  };
}

/** Waits for something that takes turns of the event loop, and timers; by default longer than a busy machine needs. */
export async function until(isSo: () => boolean, seconds = 20): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`not within ${seconds} s: ${String(isSo)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function decoded(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}
