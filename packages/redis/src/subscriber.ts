import type { Redis } from 'ioredis';

/** What a subscriber reports. Everything is called from one tick to the next, never nested. */
export interface SubscriberListener {
  /** A message on a channel, under the name that it was subscribed by. */
  onMessage(name: string, payload: Buffer): void;
  /** A message on one of the process' own channels. */
  onOwn(payload: Buffer): void;
  /** The watched key has changed, or may have while the connection was down. */
  onKeyEvent(): void;
  /** Redis confirmed these subscriptions, for the first time or again: what came before may have been missed. */
  onSubscribed(names: readonly string[]): void;
  /** The connection of these subscriptions is gone: messages before the next `onSubscribed` may have gaps before them. */
  onDisconnected(names: readonly string[]): void;
}

export interface SubscriberOptions {
  readonly listener: SubscriberListener;
  /** The name by which this process is reached. In a Cluster also `<name>.<number>`, through one master each. */
  readonly name: string;
  /** The channel of a name. */
  readonly channelOf: (name: string) => string;
  /** The key whose keyspace events are reported. It has the slot of the name's channel. */
  readonly watchedKey: string;
}

/** A server at which channels are subscribed. */
export interface SubscribedServer {
  /** For log lines: `host:port` in a Cluster. */
  readonly server: string;
  /** The name by which this process reaches itself through this server. */
  readonly name: string;
}

/** Sharded channels of a Redis, the channels of this process, and the keyspace events of one key. */
export interface Subscriber {
  /** `onSubscribed` follows with the name when Redis has confirmed the channel. */
  subscribe(channel: string, name: string): void;
  unsubscribe(channel: string): void;
  servers(): readonly SubscribedServer[];
  /** Replaces the connection to one server: used when it is open but receives nothing. */
  reconnect(server: SubscribedServer): void;
  /** Begins to receive; gives back the stop. */
  start(): () => void;
}

/** How channels are subscribed at a server. */
export interface ChannelCommands {
  /** Gives the channels that this server refuses for now, and may take later. */
  subscribe(redis: Redis, channels: readonly string[]): Promise<readonly string[]>;
  unsubscribe(redis: Redis, channels: readonly string[]): Promise<void>;
}

/** Channels in one SSUBSCRIBE: large enough to be quick, small enough not to hold Redis up. */
const MAX_BATCH = 200;

/** One command for all, as any Redis takes it but a Cluster's. */
const TOGETHER: ChannelCommands = {
  subscribe: async (redis, channels) => {
    await redis.ssubscribe(...channels);
    return [];
  },
  unsubscribe: async (redis, channels) => {
    await redis.sunsubscribe(...channels);
  },
};

export interface ConnectionOptions {
  readonly listener: SubscriberListener;
  readonly commands: ChannelCommands;
  /** The process' own channels. */
  readonly own: readonly string[];
  readonly watchedKey: string;
  /** Whether the watched key is at this server. */
  readonly watches: boolean;
}

/**
 * The subscriptions of one connection. The connection must not resubscribe by itself (`autoResubscribe: false`): a lost
 * connection is a gap in every channel, and only its owner knows from when on it is closed. A subscription that Redis
 * does not confirm replaces the connection, so there is one way to recover, and it is taken every time.
 */
export class ConnectionSubscriber {
  readonly #redis: Redis;
  readonly #listener: SubscriberListener;
  readonly #commands: ChannelCommands;
  readonly #watchedKey: string;
  /** Channel to name, of all that is desired. */
  readonly #desired = new Map<string, string>();
  #own: ReadonlySet<string>;
  #watches: boolean;
  readonly #refused = new Set<string>();
  #toSubscribe = new Set<string>();
  #toUnsubscribe = new Set<string>();
  #flushing = false;
  #stopped = false;

  constructor(redis: Redis, { listener, commands, own, watchedKey, watches }: ConnectionOptions) {
    this.#redis = redis;
    this.#listener = listener;
    this.#commands = commands;
    this.#own = new Set(own);
    this.#watchedKey = watchedKey;
    this.#watches = watches;
  }

  start(): () => void {
    const onMessage = (bytes: Buffer, payload: Buffer) => {
      const channel = bytes.toString();
      const name = this.#desired.get(channel);
      if (name !== undefined) this.#listener.onMessage(name, payload);
      else if (this.#own.has(channel)) this.#listener.onOwn(payload);
    };
    const onKeyEvent = () => this.#listener.onKeyEvent();
    const onReady = () => void this.#resubscribe();
    const onClose = () => this.#listener.onDisconnected([...this.#desired.values()]);
    this.#redis.on('smessageBuffer', onMessage);
    this.#redis.on('message', onKeyEvent);
    this.#redis.on('ready', onReady);
    this.#redis.on('close', onClose);
    if (this.#redis.status === 'ready') onReady();
    return () => {
      this.#stopped = true;
      this.#redis.off('smessageBuffer', onMessage);
      this.#redis.off('message', onKeyEvent);
      this.#redis.off('ready', onReady);
      this.#redis.off('close', onClose);
    };
  }

  subscribe(channel: string, name: string): void {
    if (this.#desired.has(channel)) return;
    this.#desired.set(channel, name);
    this.#toUnsubscribe.delete(channel);
    this.#toSubscribe.add(channel);
    this.#flushSoon();
  }

  unsubscribe(channel: string): void {
    if (!this.#desired.delete(channel)) return;
    this.#drop(channel);
    this.#flushSoon();
  }

  /** Has other own channels from now on, and watches the key, or not. */
  setOwn(channels: readonly string[], watches: boolean): void {
    const before = this.#own;
    this.#own = new Set(channels);
    for (const channel of this.#own.difference(before)) {
      this.#toUnsubscribe.delete(channel);
      this.#toSubscribe.add(channel);
    }
    for (const channel of before.difference(this.#own)) this.#drop(channel);
    const isNew = watches && !this.#watches;
    // A key that moved away has no more events here by itself. And ioredis takes the end of the last ordinary
    // subscription for the end of the sharded ones.
    this.#watches ||= watches;
    if (isNew && this.#redis.status === 'ready') void this.#beginWatching();
    this.#flushSoon();
  }

  /** Tries again what the server refused. */
  retry(): void {
    if (this.#refused.size === 0) return;
    for (const channel of this.#refused) this.#toSubscribe.add(channel);
    this.#refused.clear();
    this.#flushSoon();
  }

  /** Subscribes again to what the server took away by itself, as it does when a slot goes to another node. */
  repair(): void {
    if (this.#redis.status !== 'ready') return;
    const present = new Set(
      this.#redis.condition?.subscriber ? this.#redis.condition.subscriber.channels('ssubscribe') : [],
    );
    for (const channel of [...this.#own, ...this.#desired.keys()])
      if (!present.has(channel)) this.#toSubscribe.add(channel);
    this.#flushSoon();
  }

  /**
   * Replaces the connection. One that is not ready is being replaced already; and ioredis gives up for good what is
   * disconnected while it asks Sentinels for the master.
   */
  reconnect(): void {
    if (this.#redis.status === 'ready') this.#redis.disconnect(true);
  }

  async #resubscribe(): Promise<void> {
    this.#toUnsubscribe.clear();
    this.#refused.clear();
    this.#toSubscribe = new Set(this.#desired.keys());
    const confirmed = await this.#confirmed(async () => {
      if (this.#watches) await this.#watch();
      await this.#subscribeAll([...this.#own]);
    });
    if (!confirmed) return;
    // Events that came while the connection was down are lost.
    if (this.#watches) this.#listener.onKeyEvent();
    this.#flushSoon();
  }

  async #beginWatching(): Promise<void> {
    if (await this.#confirmed(() => this.#watch())) this.#listener.onKeyEvent();
  }

  /** Subscribes to the keyspace events (class K) of the watched key. */
  async #watch(): Promise<void> {
    try {
      await this.#redis.subscribe(`__keyspace@${this.#redis.options.db ?? 0}__:${this.#watchedKey}`);
    } catch (error) {
      // A user without the right to keyspace events goes without; another connection would be refused as well.
      if (!(error instanceof Error) || !error.message.startsWith('NOPERM')) throw error;
    }
  }

  /** What changes in one tick goes out together. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => void this.#flush());
  }

  async #flush(): Promise<void> {
    while (!this.#stopped && this.#redis.status === 'ready') {
      const leaving = takeSome(this.#toUnsubscribe);
      const joining = takeSome(this.#toSubscribe);
      if (leaving.length === 0 && joining.length === 0) break;
      const confirmed = await this.#confirmed(async () => {
        if (leaving.length > 0) await this.#commands.unsubscribe(this.#redis, leaving);
        await this.#subscribeAll(joining);
      });
      if (!confirmed) break;
      const names = joining.flatMap((channel) =>
        this.#refused.has(channel) ? [] : (this.#desired.get(channel) ?? []),
      );
      if (names.length > 0) this.#listener.onSubscribed(names);
    }
    this.#flushing = false;
  }

  async #subscribeAll(channels: readonly string[]): Promise<void> {
    if (channels.length === 0) return;
    for (const channel of await this.#commands.subscribe(this.#redis, channels)) {
      if (this.#desired.has(channel) || this.#own.has(channel)) this.#refused.add(channel);
    }
  }

  #drop(channel: string): void {
    this.#toSubscribe.delete(channel);
    this.#refused.delete(channel);
    this.#toUnsubscribe.add(channel);
  }

  /** Whether the step was confirmed. If not, the connection comes again, and then everything is subscribed anew. */
  async #confirmed(step: () => Promise<void>): Promise<boolean> {
    try {
      await step();
      return !this.#stopped;
    } catch {
      // Whatever the reason: a connection that closed comes back by itself, any other is replaced.
      if (!this.#stopped) this.reconnect();
      return false;
    }
  }
}

/** A subscriber at a single server. */
export function singleSubscriber(redis: Redis, options: SubscriberOptions): Subscriber {
  const { listener, name, channelOf, watchedKey } = options;
  const own = [channelOf(name)];
  const channels = new ConnectionSubscriber(redis, { listener, commands: TOGETHER, own, watchedKey, watches: true });
  const server = { server: 'Redis', name };
  return {
    subscribe: (channel, as) => channels.subscribe(channel, as),
    unsubscribe: (channel) => channels.unsubscribe(channel),
    servers: () => [server],
    reconnect: () => channels.reconnect(),
    start: () => channels.start(),
  };
}

function takeSome(from: Set<string>): string[] {
  const some: string[] = [];
  for (const item of from) {
    if (some.length === MAX_BATCH) break;
    some.push(item);
    from.delete(item);
  }
  return some;
}
