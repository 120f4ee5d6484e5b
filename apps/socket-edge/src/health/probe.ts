import { randomBytes } from 'node:crypto';
import type { EdgeBroker } from '@holdfast/broker/broker';
import type { Post } from '@holdfast/broker/ear';
import { repeat } from '@holdfast/service/backoff';
import type { Tally } from '../counters.ts';

const CANARY_EVERY_MS = 2000;
/** A canary that is not back by then is lost: the subscriber connection is open, but deaf. */
const DEAF_AFTER_MS = 3000;
const NONCE_BYTES = 6;

interface CanaryWorld {
  broker: EdgeBroker;
  /** Through which server it goes, for people. */
  server: string;
  /** The name of the edge that is spoken to. */
  name: string;
  tally: Tally;
  /** The connection that should have heard it must be replaced. */
  onDeaf: (silentMs: number) => void;
  onError: (error: unknown) => void;
}

/** The edge's self-test at one server: says something to itself through it and measures when it hears it. */
class Canary {
  readonly #world: CanaryWorld;
  #nonce = '';
  #sentAt = 0;
  #heardAt = performance.now();
  /** From sending to hearing, in milliseconds; NaN until the first came back. */
  latencyMs = Number.NaN;

  constructor(world: CanaryWorld) {
    this.#world = world;
  }

  onHeard(nonce: string): void {
    if (nonce !== this.#nonce) return;
    this.#nonce = '';
    this.#heardAt = performance.now();
    this.latencyMs = this.#heardAt - this.#sentAt;
  }

  /** For how long nothing has been heard, in milliseconds. */
  get silentMs(): number {
    return performance.now() - this.#heardAt;
  }

  /** Null while the edge hears, else since when it does not. */
  get deaf(): string | null {
    const silentMs = this.silentMs;
    if (silentMs <= CANARY_EVERY_MS + DEAF_AFTER_MS) return null;
    return `nothing heard from ${this.#world.server} for ${Math.round(silentMs / 1000)} s`;
  }

  /** Looks after the last canary and sends the next. Rejects when Redis does not answer. */
  async send(): Promise<void> {
    const { broker, name, tally, onDeaf } = this.#world;
    if (this.#nonce !== '') {
      if (performance.now() - this.#sentAt <= DEAF_AFTER_MS) return;
      // The next one waits for the next time: until the new connection has subscribed it would be missed as well.
      this.#nonce = '';
      tally.canariesMissed += 1;
      onDeaf(this.silentMs);
      return;
    }
    const nonce = randomBytes(NONCE_BYTES).toString('base64url');
    this.#nonce = nonce;
    this.#sentAt = performance.now();
    try {
      await broker.sendCanary(name, nonce);
    } catch (error) {
      // It never left: that says something of Redis, nothing of the ear.
      this.#nonce = '';
      throw error;
    }
  }
}

export interface CanariesWorld extends Pick<CanaryWorld, 'broker' | 'tally' | 'onError'> {
  /** The servers that the edge listens to, as they are now. */
  posts: () => readonly Post[];
  /** The connection to this one must be replaced. */
  onDeaf: (post: Post, silentMs: number) => void;
}

/** The edge's self-test at every server that it listens to: an edge is deaf when it is deaf to one of them. */
export class Canaries {
  readonly #world: CanariesWorld;
  /** By the name that is spoken to. */
  readonly #birds = new Map<string, { post: Post; canary: Canary }>();

  constructor(world: CanariesWorld) {
    this.#world = world;
  }

  start(): () => void {
    const { onError } = this.#world;
    const send = () => this.send();
    send().catch(onError);
    return repeat(send, { intervalMs: CANARY_EVERY_MS, jitter: 0.1, onError });
  }

  onHeard(nonce: string): void {
    for (const { canary } of this.#birds.values()) canary.onHeard(nonce);
  }

  /** By server: since when nothing was heard from there, in milliseconds. */
  silences(): { server: string; silentMs: number }[] {
    return [...this.#birds.values()].map(({ post, canary }) => ({ server: post.server, silentMs: canary.silentMs }));
  }

  /** The longest silence, in milliseconds. */
  get silentMs(): number {
    return Math.max(0, ...this.silences().map(({ silentMs }) => silentMs));
  }

  /** The slowest of the last ones, in milliseconds; NaN until each server has sent one back. */
  get latencyMs(): number {
    const latencies = [...this.#birds.values()].map(({ canary }) => canary.latencyMs);
    return latencies.length === 0 ? Number.NaN : Math.max(...latencies);
  }

  /** Null while the edge hears every server, else which it does not, and since when. */
  get deaf(): string | null {
    for (const { canary } of this.#birds.values()) if (canary.deaf !== null) return canary.deaf;
    return null;
  }

  /** To every server. Rejects when one of them does not answer; the others have got theirs. */
  async send(): Promise<void> {
    this.#settle();
    const sent = await Promise.allSettled([...this.#birds.values()].map(({ canary }) => canary.send()));
    const failure = sent.find(({ status }) => status === 'rejected');
    if (failure?.status === 'rejected') throw failure.reason;
  }

  /** Servers come and go. */
  #settle(): void {
    const posts = new Map(this.#world.posts().map((post) => [post.name, post]));
    for (const [name, { post }] of this.#birds) {
      if (posts.get(name)?.server !== post.server) this.#birds.delete(name);
    }
    const { broker, tally, onDeaf, onError } = this.#world;
    for (const post of posts.values()) {
      if (this.#birds.has(post.name)) continue;
      const onThisDeaf = (silentMs: number) => onDeaf(post, silentMs);
      const canary = new Canary({ broker, tally, onError, ...post, onDeaf: onThisDeaf });
      this.#birds.set(post.name, { post, canary });
    }
  }
}
