import type { Post } from '@holdfast/broker/ear';
import { repeat } from '@holdfast/service/backoff';
import { CANARY_EVERY_MS, Canary, type CanaryWorld } from './probe.ts';

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
