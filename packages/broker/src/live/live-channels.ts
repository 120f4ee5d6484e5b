import { type Keys, keyspaceChannel } from '../keys.ts';
import type { Redis } from 'ioredis';
import { type LivePayload, decodeLive } from './payload.ts';

/** What an edge is told by its subscriber connection. Everything is called from one tick to the next, never nested. */
export interface LiveListener {
  /** Something was said on a topic's channel. */
  onTopic(topic: string, payload: LivePayload): void;
  /** Something was said on the edge's own channel. */
  onOwn(payload: LivePayload): void;
  /** There may be letters. */
  onDoorbell(): void;
  /** Redis confirmed these subscriptions, for the first time or again: what came before may have been missed. */
  onHearing(topics: readonly string[]): void;
  /** The connection is gone: what is heard of a topic before its `onHearing` may have gaps before it. */
  onDeaf(): void;
}

/** How channels are joined and left. */
export interface Joining {
  /** Gives the channels that this server refuses for now, and may take later. */
  join(redis: Redis, channels: readonly string[]): Promise<readonly string[]>;
  leave(redis: Redis, channels: readonly string[]): Promise<void>;
}

/** Channels in one SSUBSCRIBE: large enough to be quick, small enough not to hold Redis up. */
const CHANNELS_AT_ONCE = 200;

/** One command for all, as any Redis takes it but a Cluster's. */
const TOGETHER: Joining = {
  join: async (redis, channels) => {
    await redis.ssubscribe(...channels);
    return [];
  },
  leave: async (redis, channels) => {
    await redis.sunsubscribe(...channels);
  },
};

export interface LiveChannelsOptions {
  readonly joining?: Joining;
  /** By what names the edge is spoken to here; default: by its id. */
  readonly names?: readonly string[];
  /** Whether the edge's letter box is here, so that its doorbell rings here; default: it is. */
  readonly doorbell?: boolean;
}

/**
 * The edge's ear at one Redis: one subscriber connection, the topics it wants to hear, its own channels and its doorbell.
 * The connection must not resubscribe by itself (`autoResubscribe: false`): a lost connection is a gap in every topic,
 * and only who subscribes again knows from when on it is closed. A subscription that Redis does not confirm replaces
 * the connection, so there is one way to recover, and it is taken every time.
 */
export class LiveChannels {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #edge: string;
  readonly #listener: LiveListener;
  readonly #joining: Joining;
  /** Channel to topic, of all that is wanted. */
  readonly #wanted = new Map<string, string>();
  /** The edge's own channels. */
  #own: ReadonlySet<string>;
  #doorbell: boolean;
  readonly #refused = new Set<string>();
  #toSubscribe = new Set<string>();
  #toUnsubscribe = new Set<string>();
  #flushing = false;
  #stopped = false;

  constructor(redis: Redis, keys: Keys, edge: string, listener: LiveListener, options: LiveChannelsOptions = {}) {
    const { joining = TOGETHER, names = [edge], doorbell = true } = options;
    this.#redis = redis;
    this.#keys = keys;
    this.#edge = edge;
    this.#listener = listener;
    this.#joining = joining;
    this.#own = new Set(names.map((name) => keys.edgeLive(name)));
    this.#doorbell = doorbell;
  }

  /** Begins to listen; gives back the stop. */
  start(): () => void {
    const onMessage = (channel: Buffer, payload: Buffer) => {
      const name = channel.toString();
      const topic = this.#wanted.get(name);
      if (topic !== undefined) this.#listener.onTopic(topic, decodeLive(payload));
      else if (this.#own.has(name)) this.#listener.onOwn(decodeLive(payload));
    };
    const onDoorbell = () => this.#listener.onDoorbell();
    const onReady = () => void this.#resubscribe();
    const onClose = () => this.#listener.onDeaf();
    this.#redis.on('smessageBuffer', onMessage);
    this.#redis.on('message', onDoorbell);
    this.#redis.on('ready', onReady);
    this.#redis.on('close', onClose);
    if (this.#redis.status === 'ready') onReady();
    return () => {
      this.#stopped = true;
      this.#redis.off('smessageBuffer', onMessage);
      this.#redis.off('message', onDoorbell);
      this.#redis.off('ready', onReady);
      this.#redis.off('close', onClose);
    };
  }

  /** Wants a topic; `onHearing` follows when Redis has confirmed it. */
  subscribe(topic: string): void {
    const channel = this.#keys.topicLive(topic);
    if (this.#wanted.has(channel)) return;
    this.#wanted.set(channel, topic);
    this.#toUnsubscribe.delete(channel);
    this.#toSubscribe.add(channel);
    this.#flushSoon();
  }

  unsubscribe(topic: string): void {
    const channel = this.#keys.topicLive(topic);
    if (!this.#wanted.delete(channel)) return;
    this.#forget(channel);
    this.#flushSoon();
  }

  /** Is spoken to by these names from now on, and may get letters, or not. */
  answerTo(names: readonly string[], doorbell: boolean): void {
    const before = this.#own;
    this.#own = new Set(names.map((name) => this.#keys.edgeLive(name)));
    for (const channel of this.#own.difference(before)) {
      this.#toUnsubscribe.delete(channel);
      this.#toSubscribe.add(channel);
    }
    for (const channel of before.difference(this.#own)) this.#forget(channel);
    const isNew = doorbell && !this.#doorbell;
    // One that no letter comes to any more stays silent by itself. And ioredis takes the end of the last ordinary
    // subscription for the end of the sharded ones.
    this.#doorbell ||= doorbell;
    if (isNew && this.#redis.status === 'ready') void this.#beginDoorbell();
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
  mend(): void {
    if (this.#redis.status !== 'ready') return;
    const heard = new Set(
      this.#redis.condition?.subscriber ? this.#redis.condition.subscriber.channels('ssubscribe') : [],
    );
    for (const channel of [...this.#own, ...this.#wanted.keys()])
      if (!heard.has(channel)) this.#toSubscribe.add(channel);
    this.#flushSoon();
  }

  /** Replaces the connection: used when it is open but nothing is heard. */
  reconnect(): void {
    this.#redis.disconnect(true);
  }

  async #resubscribe(): Promise<void> {
    this.#toUnsubscribe.clear();
    this.#refused.clear();
    this.#toSubscribe = new Set(this.#wanted.keys());
    const confirmed = await this.#confirmed(async () => {
      if (this.#doorbell) await this.#subscribeDoorbell();
      await this.#join([...this.#own]);
    });
    if (!confirmed) return;
    // What came while the doorbell was away rang unheard.
    if (this.#doorbell) this.#listener.onDoorbell();
    this.#flushSoon();
  }

  async #beginDoorbell(): Promise<void> {
    if (await this.#confirmed(() => this.#subscribeDoorbell())) this.#listener.onDoorbell();
  }

  async #subscribeDoorbell(): Promise<void> {
    const box = this.#keys.edgeDirty(this.#edge);
    try {
      await this.#redis.subscribe(keyspaceChannel(this.#redis.options.db ?? 0, box));
    } catch (error) {
      // A user who may not hear keyspace events has the look by time; another connection would be refused as well.
      if (!(error instanceof Error) || !error.message.startsWith('NOPERM')) throw error;
    }
  }

  /** What is wanted in one tick goes out together. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => void this.#flush());
  }

  async #flush(): Promise<void> {
    while (!this.#stopped && this.#redis.status === 'ready') {
      const leave = takeSome(this.#toUnsubscribe);
      const join = takeSome(this.#toSubscribe);
      if (leave.length === 0 && join.length === 0) break;
      const confirmed = await this.#confirmed(async () => {
        if (leave.length > 0) await this.#joining.leave(this.#redis, leave);
        await this.#join(join);
      });
      if (!confirmed) break;
      const heard = join.flatMap((channel) => (this.#refused.has(channel) ? [] : (this.#wanted.get(channel) ?? [])));
      if (heard.length > 0) this.#listener.onHearing(heard);
    }
    this.#flushing = false;
  }

  async #join(channels: readonly string[]): Promise<void> {
    if (channels.length === 0) return;
    for (const channel of await this.#joining.join(this.#redis, channels)) {
      if (this.#wanted.has(channel) || this.#own.has(channel)) this.#refused.add(channel);
    }
  }

  #forget(channel: string): void {
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
      if (this.#redis.status === 'ready' && !this.#stopped) this.reconnect();
      return false;
    }
  }
}

function takeSome(from: Set<string>): string[] {
  const some: string[] = [];
  for (const item of from) {
    if (some.length === CHANNELS_AT_ONCE) break;
    some.push(item);
    from.delete(item);
  }
  return some;
}
