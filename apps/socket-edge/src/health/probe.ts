import { randomBytes } from 'node:crypto';
import type { EdgeBroker } from '@holdfast/broker/broker';
import type { Post } from '@holdfast/broker/ear';
import { repeat } from '@holdfast/service/backoff';
import type { Counters } from '../counters.ts';

const PROBE_EVERY_MS = 2000;
/** A canary that is not back by then is lost: the subscriber connection is open, but deaf. */
const STALLED_AFTER_MS = 3000;
const NONCE_BYTES = 6;

interface LoopbackProbeDeps {
  broker: EdgeBroker;
  /** Through which server it goes, for people. */
  server: string;
  /** The name of the edge that is spoken to. */
  name: string;
  counters: Counters;
  /** The connection that should have heard it must be replaced. */
  onDeaf: (silentMs: number) => void;
  onError: (error: unknown) => void;
}

/** The edge's self-test at one server: says something to itself through it and measures when it hears it. */
class LoopbackProbe {
  readonly #deps: LoopbackProbeDeps;
  #nonce = '';
  #sentAt = 0;
  #heardAt = performance.now();
  /** From sending to hearing, in milliseconds; NaN until the first came back. */
  latencyMs = Number.NaN;

  constructor(world: LoopbackProbeDeps) {
    this.#deps = world;
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
    if (silentMs <= PROBE_EVERY_MS + STALLED_AFTER_MS) return null;
    return `nothing heard from ${this.#deps.server} for ${Math.round(silentMs / 1000)} s`;
  }

  /** Looks after the last canary and sends the next. Rejects when Redis does not answer. */
  async send(): Promise<void> {
    const { broker, name, counters, onDeaf } = this.#deps;
    if (this.#nonce !== '') {
      if (performance.now() - this.#sentAt <= STALLED_AFTER_MS) return;
      // The next one waits for the next time: until the new connection has subscribed it would be missed as well.
      this.#nonce = '';
      counters.probesMissed += 1;
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

export interface LoopbackProbesDeps extends Pick<LoopbackProbeDeps, 'broker' | 'counters' | 'onError'> {
  /** The servers that the edge listens to, as they are now. */
  posts: () => readonly Post[];
  /** The connection to this one must be replaced. */
  onDeaf: (post: Post, silentMs: number) => void;
}

/** The edge's self-test at every server that it listens to: an edge is deaf when it is deaf to one of them. */
export class LoopbackProbes {
  readonly #deps: LoopbackProbesDeps;
  /** By the name that is spoken to. */
  readonly #probes = new Map<string, { post: Post; canary: LoopbackProbe }>();

  constructor(world: LoopbackProbesDeps) {
    this.#deps = world;
  }

  start(): () => void {
    const { onError } = this.#deps;
    const send = () => this.send();
    send().catch(onError);
    return repeat(send, { intervalMs: PROBE_EVERY_MS, jitter: 0.1, onError });
  }

  onHeard(nonce: string): void {
    for (const { canary } of this.#probes.values()) canary.onHeard(nonce);
  }

  /** By server: since when nothing was heard from there, in milliseconds. */
  silences(): { server: string; silentMs: number }[] {
    return [...this.#probes.values()].map(({ post, canary }) => ({ server: post.server, silentMs: canary.silentMs }));
  }

  /** The longest silence, in milliseconds. */
  get silentMs(): number {
    return Math.max(0, ...this.silences().map(({ silentMs }) => silentMs));
  }

  /** The slowest of the last ones, in milliseconds; NaN until each server has sent one back. */
  get latencyMs(): number {
    const latencies = [...this.#probes.values()].map(({ canary }) => canary.latencyMs);
    return latencies.length === 0 ? Number.NaN : Math.max(...latencies);
  }

  /** Null while the edge hears every server, else which it does not, and since when. */
  get deaf(): string | null {
    for (const { canary } of this.#probes.values()) if (canary.deaf !== null) return canary.deaf;
    return null;
  }

  /** To every server. Rejects when one of them does not answer; the others have got theirs. */
  async send(): Promise<void> {
    this.#settle();
    const sent = await Promise.allSettled([...this.#probes.values()].map(({ canary }) => canary.send()));
    const failure = sent.find(({ status }) => status === 'rejected');
    if (failure?.status === 'rejected') throw failure.reason;
  }

  /** Servers come and go. */
  #settle(): void {
    const posts = new Map(this.#deps.posts().map((post) => [post.name, post]));
    for (const [name, { post }] of this.#probes) {
      if (posts.get(name)?.server !== post.server) this.#probes.delete(name);
    }
    const { broker, counters, onDeaf, onError } = this.#deps;
    for (const post of posts.values()) {
      if (this.#probes.has(post.name)) continue;
      const onThisDeaf = (silentMs: number) => onDeaf(post, silentMs);
      const canary = new LoopbackProbe({ broker, counters, onError, ...post, onDeaf: onThisDeaf });
      this.#probes.set(post.name, { post, canary });
    }
  }
}
