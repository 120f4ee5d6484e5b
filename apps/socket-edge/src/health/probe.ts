import { randomBytes } from 'node:crypto';
import type { EdgeBroker } from '@holdfast/broker/broker';
import type { LiveServer } from '@holdfast/broker/live-subscriber';
import { repeat } from '@holdfast/service/backoff';
import type { Counters, Latencies } from '../counters.ts';

const PROBE_EVERY_MS = 2000;
/** A probe that is not back by then is lost: the subscriber connection is open, but stalled. */
const STALLED_AFTER_MS = 3000;
const NONCE_BYTES = 6;

interface LoopbackProbeDeps {
  broker: EdgeBroker;
  /** The server through which it goes, for operators. */
  server: string;
  /** The name of the channel that it is sent to. */
  name: string;
  counters: Counters;
  latencies: Pick<Latencies, 'loopbackProbe'>;
  /** The connection that should have received it must be replaced. */
  onStalled: (silentMs: number) => void;
  onError: (error: unknown) => void;
}

/** Sends messages to this edge itself through one server, and measures when they arrive. */
class LoopbackProbe {
  readonly #deps: LoopbackProbeDeps;
  #nonce = '';
  #sentAt = 0;
  #receivedAt = performance.now();
  /** From sending to receiving, in milliseconds; NaN until the first came back. */
  latencyMs = Number.NaN;

  constructor(deps: LoopbackProbeDeps) {
    this.#deps = deps;
  }

  onReceived(nonce: string): void {
    if (nonce !== this.#nonce) return;
    this.#nonce = '';
    this.#receivedAt = performance.now();
    this.latencyMs = this.#receivedAt - this.#sentAt;
    this.#deps.latencies.loopbackProbe.observe(this.latencyMs / 1000);
  }

  /** For how long nothing has been received, in milliseconds. */
  get silentMs(): number {
    return performance.now() - this.#receivedAt;
  }

  /** Null while probes arrive, else for how long they have not. */
  get fault(): string | null {
    const silentMs = this.silentMs;
    if (silentMs <= PROBE_EVERY_MS + STALLED_AFTER_MS) return null;
    return `nothing received from ${this.#deps.server} for ${Math.round(silentMs / 1000)} s`;
  }

  /** Looks after the last probe and sends the next. Rejects when Redis does not answer. */
  async send(): Promise<void> {
    const { broker, name, counters, onStalled } = this.#deps;
    if (this.#nonce !== '') {
      if (performance.now() - this.#sentAt <= STALLED_AFTER_MS) return;
      // The next one waits for the next time: until the new connection has subscribed it would be missed as well.
      this.#nonce = '';
      counters.probesMissed += 1;
      onStalled(this.silentMs);
      return;
    }
    const nonce = randomBytes(NONCE_BYTES).toString('base64url');
    this.#nonce = nonce;
    this.#sentAt = performance.now();
    try {
      await broker.sendProbe(name, nonce);
    } catch (error) {
      // It never left: that is a fault of Redis, not of the subscriber connection.
      this.#nonce = '';
      throw error;
    }
  }
}

export interface LoopbackProbesDeps extends Pick<LoopbackProbeDeps, 'broker' | 'counters' | 'latencies' | 'onError'> {
  /** The servers that the edge is subscribed at, as they are now. */
  servers: () => readonly LiveServer[];
  /** The connection to this one must be replaced. */
  onStalled: (server: LiveServer, silentMs: number) => void;
}

/** The loopback probes through every server that the edge is subscribed at: one that is stalled is a fault of the edge. */
export class LoopbackProbes {
  readonly #deps: LoopbackProbesDeps;
  /** By the name of the channel. */
  readonly #probes = new Map<string, { server: LiveServer; probe: LoopbackProbe }>();

  constructor(deps: LoopbackProbesDeps) {
    this.#deps = deps;
  }

  start(): () => void {
    const { onError } = this.#deps;
    const send = () => this.send();
    send().catch(onError);
    return repeat(send, { intervalMs: PROBE_EVERY_MS, jitter: 0.1, onError });
  }

  onReceived(nonce: string): void {
    for (const { probe } of this.#probes.values()) probe.onReceived(nonce);
  }

  /** By server: for how long nothing was received from there, in milliseconds. */
  silences(): { server: string; silentMs: number }[] {
    return [...this.#probes.values()].map(({ server, probe }) => ({ server: server.server, silentMs: probe.silentMs }));
  }

  /** The longest silence, in milliseconds. */
  get silentMs(): number {
    return Math.max(0, ...this.silences().map(({ silentMs }) => silentMs));
  }

  /** The slowest of the last ones, in milliseconds; NaN until each server has sent one back. */
  get latencyMs(): number {
    const latencies = [...this.#probes.values()].map(({ probe }) => probe.latencyMs);
    return latencies.length === 0 ? Number.NaN : Math.max(...latencies);
  }

  /** Null while probes arrive from every server, else from which they do not, and for how long. */
  get fault(): string | null {
    for (const { probe } of this.#probes.values()) if (probe.fault !== null) return probe.fault;
    return null;
  }

  /** To every server. Rejects when one of them does not answer; the others have got theirs. */
  async send(): Promise<void> {
    this.#update();
    const sent = await Promise.allSettled([...this.#probes.values()].map(({ probe }) => probe.send()));
    const failure = sent.find(({ status }) => status === 'rejected');
    if (failure?.status === 'rejected') throw failure.reason;
  }

  /** Servers come and go. */
  #update(): void {
    const servers = new Map(this.#deps.servers().map((server) => [server.name, server]));
    for (const [name, { server }] of this.#probes) {
      if (servers.get(name)?.server !== server.server) this.#probes.delete(name);
    }
    const { broker, counters, latencies, onStalled, onError } = this.#deps;
    for (const server of servers.values()) {
      if (this.#probes.has(server.name)) continue;
      const onThisStalled = (silentMs: number) => onStalled(server, silentMs);
      const probe = new LoopbackProbe({ broker, counters, latencies, onError, ...server, onStalled: onThisStalled });
      this.#probes.set(server.name, { server, probe });
    }
  }
}
