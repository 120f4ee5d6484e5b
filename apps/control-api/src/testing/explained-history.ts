import type { ServedClient } from '@holdfast/broker/broker';
import type { ConnectionEnd, ConnectionStory, LostRange, PastConnection } from '@holdfast/broker/evidence';
import { type Position, comparePositions, laterOf } from '@holdfast/protocol/position-order';
import type { EndedRange, Facts } from '../explain/facts.ts';

export type HistoryEvent =
  /** `remake`: the topic is deleted, and made again under its name. */
  | { kind: 'publish' | 'trim' | 'subscribe' | 'unsubscribe' | 'remake' }
  /** One that overstates says that it has everything. */
  | { kind: 'connect'; resumes: boolean; overstates: boolean }
  /** Its own edge notes what it knows, or another process that it ended; or the note is lost. */
  | { kind: 'end'; notedBy: 'own' | 'other' | 'none' }
  /** It unsubscribes, and the note of that is lost. */
  | { kind: 'unsubscribe-unnoted' }
  /** The client's network is gone: from now on nothing arrives that is written, until its connection has ended. */
  | { kind: 'network-lost' };

/** What really became of a message. */
export type Fate =
  /** It was published before the client was registered. */
  | 'before-registration'
  | 'not-for-it'
  | 'live'
  | 'by-resume'
  | 'lost'
  /** The client came back without stating what it had. */
  | 'passed'
  /** The subscription ended before the client came back. */
  | 'ended-first'
  | 'waiting'
  /** It was written, and never arrived. */
  | 'written-in-vain'
  /** It was written, and the client said later that it has it. */
  | 'confirmed'
  /** The client said that it has it, and it was never written. */
  | 'claimed';

const STEP_MS = 10_000;
const OPENED_MS = 5;
const HEARTBEAT_MS = 25_000;
const TOPIC = 'news';

/**
 * One client and one topic, as they should behave, one event every ten seconds, within the last day. Knows what became of
 * each message, and makes the facts that control-api finds of it.
 */
export class ExplainedHistory {
  readonly fates = new Map<Position, Fate>();
  readonly #began: number;
  #time: number;
  #kept: Position[] = [];
  #last: Position;
  #firstPrev: Position | null = null;
  #start: Position;
  #registeredAt: number | null = null;
  #subscribedFrom: Position | null = null;
  #ended: EndedRange[] = [];
  #unnotedUntil = 0;
  #lastConnection = { generation: 0, endedAt: 0 };
  readonly #past: PastConnection[] = [];
  #present: { from: number; follows: number; story: ConnectionStory; answeredAt: number | null } | null = null;
  /** What the client has; null: it was never sent a position. */
  #stated: Position | null = null;

  constructor() {
    this.#began = 1_800_000_000_000;
    this.#time = this.#began;
    this.#start = `${this.#began}-7`;
    this.#last = this.#start;
  }

  register(): void {
    this.#tick();
    this.#registeredAt = this.#time;
  }

  apply(event: HistoryEvent): void {
    this.#tick();
    if (event.kind === 'publish') this.#publish();
    else if (event.kind === 'trim') this.#trim();
    else if (event.kind === 'subscribe') this.#subscribedFrom ??= this.#last;
    else if (event.kind === 'remake') this.#remake();
    else if (event.kind === 'unsubscribe') this.#unsubscribe(true);
    else if (event.kind === 'unsubscribe-unnoted') this.#unsubscribe(false);
    else if (event.kind === 'connect') this.#connect(event.resumes, event.overstates);
    else if (event.kind === 'end') this.#end(event.notedBy);
    else if (this.#present) this.#present.answeredAt ??= this.#time - STEP_MS;
  }

  facts(id: Position): Facts {
    this.#tick();
    return {
      topic: TOPIC,
      id,
      now: this.#time,
      log: {
        start: this.#start,
        last: this.#last,
        firstPrev: this.#firstPrev,
        contains: this.#kept.includes(id),
      },
      registeredAt: this.#registeredAt ?? this.#time,
      begin: this.#subscribedFrom,
      ended: this.#ended,
      past: this.#past,
      present: this.#served(),
      last: this.#lastConnection,
      unnotedUntil: this.#unnotedUntil,
      endedIsCut: false,
      pastIsCut: false,
      oneClock: true,
    };
  }

  isKept(id: Position): boolean {
    return this.#kept.includes(id);
  }

  #tick(): void {
    this.#time += STEP_MS;
  }

  #publish(): void {
    const id = `${this.#time}-1`;
    if (this.#kept.length === 0) this.#firstPrev = this.#last;
    this.#kept.push(id);
    this.#last = id;
    this.fates.set(id, this.#fateOfNew());
    if (this.fates.get(id) === 'live') this.#stated = id;
  }

  #fateOfNew(): Fate {
    if (this.#registeredAt === null) return 'before-registration';
    if (this.#subscribedFrom === null) return 'not-for-it';
    if (this.#present === null) return 'waiting';
    return this.#present.answeredAt === null ? 'live' : 'written-in-vain';
  }

  #trim(): void {
    this.#kept = [];
    this.#firstPrev = null;
  }

  #remake(): void {
    this.#settle('ended-first');
    this.#trim();
    this.#start = `${this.#time}-3`;
    this.#last = this.#start;
    this.#ended = [];
    this.#subscribedFrom = null;
    this.#stated = null;
  }

  /** Whether it was a message of a topic that was deleted. */
  isOfDeleted(id: Position): boolean {
    return comparePositions(id, this.#start) < 0;
  }

  #unsubscribe(isNoted: boolean): void {
    const begin = this.#subscribedFrom;
    if (begin === null) return;
    if (isNoted) this.#ended.push({ begin, end: this.#last, at: this.#time, handled: true });
    else this.#unnotedUntil = this.#time;
    this.#subscribedFrom = null;
    this.#settle('ended-first');
  }

  /** What waits does so no longer. */
  #settle(fate: Fate, where: (id: Position) => boolean = () => true): void {
    for (const [id, before] of this.fates) {
      if ((before === 'waiting' || before === 'written-in-vain') && where(id)) this.fates.set(id, fate);
    }
  }

  #connect(resumes: boolean, overstates: boolean): void {
    if (this.#present !== null) return;
    const begin = this.#subscribedFrom;
    const stated = resumes && begin !== null ? (overstates ? this.#last : this.#stated) : null;
    const lost: LostRange[] = [];
    if (begin !== null && stated !== null) {
      this.#claim(stated);
      const range = this.#lostAfter(stated, begin);
      if (range !== null) lost.push(range);
      this.#settle('lost', (id) => range !== null && comparePositions(id, range.position) <= 0);
      this.#settle('by-resume');
    }
    this.#settle('passed');
    const unnamed = resumes && begin !== null && stated === null ? [TOPIC] : [];
    this.#present = {
      from: this.#time,
      follows: this.#lastConnection.generation,
      story: { resumed: resumes, unnamed, stated: stated === null ? [] : [[TOPIC, stated]], lost, cut: false },
      answeredAt: null,
    };
    this.#lastConnection = { generation: this.#time * 1000, endedAt: this.#time };
    if (begin !== null) this.#stated = this.#last;
  }

  #claim(stated: Position): void {
    for (const [id, fate] of this.fates) {
      if (comparePositions(id, stated) > 0) continue;
      if (fate === 'waiting') this.fates.set(id, 'claimed');
      if (fate === 'written-in-vain') this.fates.set(id, 'confirmed');
    }
  }

  /** What the log lacks after a position, or what came there before the subscription. */
  #lostAfter(stated: Position, begin: Position): LostRange | null {
    const trimmedTo = this.#firstPrev ?? this.#last;
    const isTrimmed = comparePositions(stated, trimmedTo) < 0;
    const isEarlier = [...this.fates.keys()].some(
      (id) => comparePositions(id, stated) > 0 && comparePositions(id, begin) <= 0,
    );
    if (!isTrimmed && !isEarlier) return null;
    const position = laterOf(isTrimmed ? trimmedTo : stated, isEarlier ? begin : stated);
    return { topic: TOPIC, after: stated, position, at: this.#time };
  }

  #end(notedBy: 'own' | 'other' | 'none'): void {
    if (this.#present === null) return;
    const { from, follows, story } = this.#present;
    const doubtfulMs = this.#doubtfulMs();
    this.#present = null;
    this.#lastConnection.endedAt = this.#time;
    if (notedBy === 'none') return;
    const end: ConnectionEnd = {
      ...story,
      openedMs: OPENED_MS,
      reached: this.#subscribedFrom === null ? {} : { [TOPIC]: this.#last },
      reachedCut: false,
      upTo: this.#time - 2_000,
      inbox: null,
      doubtfulMs,
      follows,
    };
    const reason = notedBy === 'own' ? 'closed' : 'edge-died';
    this.#past.push({ ...named(from), edge: 'e', to: this.#time, reason, end: notedBy === 'own' ? end : null });
  }

  /** By whole heartbeats. */
  #doubtfulMs(): number {
    const answeredAt = this.#present?.answeredAt ?? null;
    return answeredAt === null ? 0 : Math.ceil((this.#time - answeredAt) / HEARTBEAT_MS) * HEARTBEAT_MS;
  }

  #served(): Facts['present'] {
    if (this.#present === null) return { kind: 'none' };
    const { from, follows, story } = this.#present;
    const topics: Record<string, Position> = this.#subscribedFrom === null ? {} : { [TOPIC]: this.#last };
    const rest = { follows, story, openedMs: OPENED_MS, waitingBytes: 0, doubtfulMs: this.#doubtfulMs() };
    const served: ServedClient = { ...named(from), topics, ...rest };
    return { kind: 'served', edge: 'e', served };
  }
}

function named(from: number): { generation: number; connection: string } {
  return { generation: from * 1000, connection: (from * 1000).toString(36) };
}
