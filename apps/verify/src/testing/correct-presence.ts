import * as fc from 'fast-check';
import type { MemberSpans, Span, WatchEvent, WatcherLog } from '../prove/presence/log.ts';

/** What the judge of presence is given of a run in which everything is as it should be. */
export interface PresenceHistory {
  log: WatcherLog & { events: WatchEvent[] };
  truth: MemberSpans[];
  endAt: number;
}

/** The watcher is one of them. */
const WATCHER = 'watcher';
const MEMBERS = ['ann', 'bob', 'eve'];
/** A change is shown so much later. */
const SHOWN_AFTER_MS = 400;

/** Members leave with a goodbye: one that is back sooner would seem to have been away for a moment. */
const AWAY_MS = 3000;

const step = fc.record({ who: fc.constantFrom(WATCHER, ...MEMBERS), ms: fc.integer({ min: AWAY_MS, max: 20_000 }) });

/** Members that come and go, and a watcher whose connection breaks now and then and is back, whatever it missed. */
export const correctPresence: fc.Arbitrary<PresenceHistory> = fc
  .array(step, { minLength: 5, maxLength: 40 })
  .map((steps) => {
    const model = new Model();
    for (const { who, ms } of steps) model.change(who, ms);
    return model.end();
  });

class Model {
  readonly #events: WatchEvent[] = [];
  readonly #spans = new Map<string, Span[]>([WATCHER, ...MEMBERS].map((member) => [member, []]));
  /** What the watcher is shown. */
  readonly #shown = new Set<string>();
  #now = 1000;
  #isWatching = false;

  constructor() {
    this.#watch();
  }

  change(who: string, ms: number): void {
    this.#now += ms;
    if (who === WATCHER) {
      this.#events.push({ kind: 'disconnected', at: this.#now });
      this.#isWatching = false;
      this.#leave(WATCHER);
      // Back within its grace time: it is not shown as gone.
      this.#now += 500;
      this.#watch();
      return;
    }
    if (this.#isHere(who)) this.#leave(who);
    else this.#spans.get(who)?.push({ from: this.#now, to: null });
    this.#now += SHOWN_AFTER_MS;
    this.#show();
  }

  end(): PresenceHistory {
    const truth = Array.from(this.#spans, ([member, spans]) => ({ member, spans, isUncertain: false }));
    return { log: { watcher: 1, isReliable: true, events: this.#events }, truth, endAt: this.#now + 1 };
  }

  #watch(): void {
    const isFirst = this.#events.length === 0;
    this.#events.push({ kind: 'connected', at: this.#now });
    this.#spans.get(WATCHER)?.push({ from: this.#now, to: null });
    this.#isWatching = true;
    if (!isFirst) {
      this.#show();
      return;
    }
    this.#shown.add(WATCHER);
    this.#events.push({ kind: 'known', at: this.#now, members: [{ id: WATCHER, member: WATCHER }] });
    this.#changed();
  }

  #show(): void {
    if (!this.#isWatching) return;
    for (const member of this.#spans.keys()) {
      if (this.#isHere(member) === this.#shown.has(member)) continue;
      const kind = this.#isHere(member) ? 'joined' : 'left';
      if (kind === 'joined') this.#shown.add(member);
      else this.#shown.delete(member);
      this.#events.push({ kind, at: this.#now, id: member, member });
    }
    this.#changed();
  }

  #changed(): void {
    this.#events.push({ kind: 'changed', at: this.#now, count: this.#shown.size, size: this.#shown.size });
  }

  #leave(member: string): void {
    const last = this.#spans.get(member)?.at(-1);
    if (last !== undefined) last.to = this.#now;
  }

  #isHere(member: string): boolean {
    return this.#spans.get(member)?.at(-1)?.to === null;
  }
}
