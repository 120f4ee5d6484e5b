import { MAX_CLIENT_EVENTS_PER_SECOND } from '@holdfast/protocol/pusher-limits';

const MS = 1000;

/** How many events a connection may send now: as many as a second allows at once, and that many each second. */
export class ClientEventRate {
  #tokens = MAX_CLIENT_EVENTS_PER_SECOND;
  #at: number;

  /** @param now milliseconds of the monotonic clock */
  constructor(now: number) {
    this.#at = now;
  }

  /** Takes one; false when there is none left. */
  take(now: number): boolean {
    const gained = ((now - this.#at) * MAX_CLIENT_EVENTS_PER_SECOND) / MS;
    this.#tokens = Math.min(MAX_CLIENT_EVENTS_PER_SECOND, this.#tokens + gained);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
