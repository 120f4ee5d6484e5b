import type { ChannelEvent, ChannelEventType, EdgeChannels, KnownApp } from '@holdfast/broker/broker';
import type { LivePayload } from '@holdfast/broker/live-payload';
import type { EdgeSettings, LogEntry } from '@holdfast/broker/topic-state';
import { CACHE_SECONDS } from '@holdfast/protocol/pusher-limits';
import type { LogModel } from './log-model.ts';

export interface MemoryChannelsDeps {
  /** The topic of this name, made if it is not there. */
  topicOf: (name: string) => LogModel;
  publish: (topic: string, payload: LivePayload) => void;
}

/** Channels and apps as Redis keeps them, in memory. */
export class MemoryChannels {
  readonly #deps: MemoryChannelsDeps;
  /** By key. */
  readonly apps = new Map<string, KnownApp>();
  readonly cached = new Map<string, LogEntry>();
  /** Types of events that webhooks want. */
  readonly wanted = new Set<ChannelEventType>();
  readonly events: { topic: string; type: ChannelEventType; data: unknown }[] = [];
  /** How many subscribers each edge has, by topic. */
  readonly #counts = new Map<string, Map<string, number>>();

  constructor(deps: MemoryChannelsDeps) {
    this.#deps = deps;
  }

  publish(topic: string, { frame, except, cached }: ChannelEvent): string {
    const entry: LogEntry = this.#deps.topicOf(topic).append(frame);
    if (except !== undefined) entry.except = except;
    if (cached === true) this.cached.set(topic, entry);
    this.#deps.publish(topic, { kind: 'message', ...entry });
    return entry.id;
  }

  open(name: string, presence: EdgeSettings['presence']): Awaited<ReturnType<EdgeChannels['openChannel']>> {
    const topic = this.#deps.topicOf(name);
    if (topic.settings.presence === null) topic.settings = { ...topic.settings, presence };
    const entry = this.cached.get(name);
    const cached = entry === undefined ? null : { id: entry.id, frame: entry.data, ttlMs: CACHE_SECONDS * 1000 };
    return { state: topic.state(), cached };
  }

  read(key: string): KnownApp | 'unknown' | 'none' {
    if (this.apps.size === 0) return 'none';
    return this.apps.get(key) ?? 'unknown';
  }

  count(topic: string, edge: string, count: number, publish: boolean): number {
    const counts = this.#counts.get(topic) ?? new Map<string, number>();
    this.#counts.set(topic, counts.set(edge, count));
    const sum = [...counts.values()].reduce((all, one) => all + one, 0);
    if (publish) this.#deps.publish(topic, { kind: 'subscribers', count: sum });
    return sum;
  }
}
