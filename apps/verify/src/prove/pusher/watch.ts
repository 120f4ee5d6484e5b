import { monotonicMs } from '@holdfast/harness/clock';
import type { Shown, WatchEvent } from '../presence/log.ts';
import { type Frame, dataOf } from './frames.ts';

/** Logs who a client is shown on a presence channel, over all its connections. */
export class ChannelWatch {
  readonly events: WatchEvent[] = [];
  readonly #members = new Set<string>();
  #isKnown = false;

  /** The first members came, or all of them anew. */
  subscribed(frame: Frame): void {
    const { ids, count } = (dataOf(frame)['presence'] ?? {}) as { ids?: unknown[]; count?: number };
    this.#members.clear();
    for (const id of ids ?? []) this.#members.add(String(id));
    this.events.push({ kind: 'connected', at: monotonicMs() });
    this.events.push({ kind: 'known', at: monotonicMs(), members: this.members() });
    this.#isKnown = true;
    this.#changed(count ?? Number.NaN);
  }

  changed(kind: 'joined' | 'left', frame: Frame): void {
    const member = String(dataOf(frame)['user_id']);
    if (kind === 'joined') this.#members.add(member);
    else this.#members.delete(member);
    this.events.push({ kind, at: monotonicMs(), id: member, member });
    this.#changed(this.#members.size);
  }

  /** The connection is over: its members are asked for again on the next one. */
  ended(): void {
    this.#isKnown = false;
    this.events.push({ kind: 'disconnected', at: monotonicMs() }, { kind: 'unknown', at: monotonicMs() });
  }

  /** Who is shown. */
  members(): Shown[] {
    return Array.from(this.#members, (member) => ({ id: member, member }));
  }

  /** How many are shown; undefined while that is not known. The protocol sends no number with a change. */
  get count(): number | undefined {
    return this.#isKnown ? this.#members.size : undefined;
  }

  #changed(count: number): void {
    this.events.push({ kind: 'changed', at: monotonicMs(), count, size: this.#members.size });
  }
}
