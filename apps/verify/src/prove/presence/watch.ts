import type { HoldfastClient } from '@holdfast/client/connect';
import { monotonicMs } from '@holdfast/harness/clock';
import type { Presence } from '@holdfast/client/presence';
import { type Shown, type WatchEvent, PRESENCE_TOPIC, memberIn } from './log.ts';

/** Logs what the presence of the topic looks like to one client, over all its connections. */
export class Watch {
  readonly events: WatchEvent[] = [];
  #view: Presence | undefined;
  #isKnown = false;

  /** From now on by this client; what an earlier one knew is forgotten. */
  begin(client: HoldfastClient): void {
    this.#forget();
    const view = client.presence(PRESENCE_TOPIC);
    this.#view = view;
    view.on('joined', ({ id, info }) => this.#log({ kind: 'joined', at: monotonicMs(), ...shown(id, info) }));
    view.on('left', ({ id, info }) => this.#log({ kind: 'left', at: monotonicMs(), ...shown(id, info) }));
    view.on('change', ({ count, version }) => {
      if (version === 0) {
        this.#forget();
        return;
      }
      if (!this.#isKnown) this.#log({ kind: 'known', at: monotonicMs(), members: this.members() });
      this.#isKnown = true;
      this.#log({ kind: 'changed', at: monotonicMs(), count, size: view.size });
    });
  }

  connected(): void {
    this.#log({ kind: 'connected', at: monotonicMs() });
  }

  disconnected(): void {
    this.#log({ kind: 'disconnected', at: monotonicMs() });
  }

  /** Who is shown. */
  members(): Shown[] {
    return Array.from(this.#view ?? [], ([id, info]) => shown(id, info));
  }

  /** How many are reported; undefined while that is not known. */
  get count(): number | undefined {
    return this.#isKnown ? this.#view?.count : undefined;
  }

  #forget(): void {
    this.#isKnown = false;
    this.#log({ kind: 'unknown', at: monotonicMs() });
  }

  #log(event: WatchEvent): void {
    this.events.push(event);
  }
}

function shown(id: string, info: unknown): Shown {
  return { id, member: memberIn(id, info) };
}
