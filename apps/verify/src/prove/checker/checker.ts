import type { LogEvent, MemberLog } from './log.ts';
import { type Position, comparePositions } from '@holdfast/protocol/position-order';
import { type Loss, isAllowed, requirement } from './requirement.ts';
import type { TopicTruth, Truth } from './truth.ts';

export const faultKinds = [
  'lost',
  'falsely-recovered',
  'falsely-announced',
  'duplicated',
  'repeated',
  'reordered',
  'phantom',
  'wrong-audience',
] as const;

/**
 * - `lost`: published for this client, never handed out, and no announcement covers it.
 * - `falsely-recovered`: likewise, and just there a connection said that it had recovered everything.
 * - `falsely-announced`: a loss was announced of what the log still has.
 * - `duplicated`: handed out again.
 * - `repeated`: sent again on the same connection (the client's own de-duplication dropped it).
 * - `reordered`: after one with a later id.
 * - `phantom`: never published on this topic, or not with this content.
 * - `wrong-audience`: published while the client did not want the topic.
 */
export type FaultKind = (typeof faultKinds)[number];

export interface Fault {
  kind: FaultKind;
  member: number;
  topic: string;
  /** Of the message, or of the position that was announced. */
  id: Position;
}

export interface Rules {
  /** Whether logs may have forgotten messages in this run: otherwise nothing may be announced as lost at all. */
  logsMayForget: boolean;
}

export interface Verdict {
  faults: Fault[];
  /** Messages handed out. */
  received: number;
  /** Messages that came again on another connection and were dropped by the client. No fault. */
  deduplicated: number;
  /** Messages that were missed, announced as lost, and are gone from the log. No fault. */
  announced: number;
}

/** What the checker knows of all topics, indexed for judging many clients. */
export type Truths = ReadonlyMap<string, IndexedTruth>;

interface IndexedTruth extends TopicTruth {
  byId: ReadonlyMap<Position, Truth>;
  doubtful: ReadonlyMap<string, { askedAt: number; answeredAt: number }>;
  /** Everything that was published is still in the log. */
  isIntact: boolean;
}

export function indexTruths(topics: Iterable<TopicTruth>): Truths {
  return new Map(
    Array.from(topics, (truth) => [
      truth.topic,
      {
        ...truth,
        byId: new Map(truth.messages.map((message) => [message.id, message])),
        doubtful: new Map(truth.doubts.map((doubt) => [doubt.token, doubt])),
        isIntact: truth.doubts.length === 0 && truth.messages.every(({ inLog }) => inLog),
      },
    ]),
  );
}

/** Compares what one client saw with what was published. Every fault is reported, each message in at most one. */
export function judge(truths: Truths, log: MemberLog, rules: Rules): Verdict {
  const verdict: Verdict = { faults: [], received: 0, deduplicated: 0, announced: 0 };
  for (const [topic, events] of byTopic(log)) {
    const truth = truths.get(topic);
    // The inbox, for example.
    if (truth === undefined) continue;
    new TopicJudge(truth, log, rules, verdict).judge(events);
  }
  return verdict;
}

/** The events of each topic; the beginning and the end of a connection are events of all of them. */
function byTopic({ desiredTopics, events }: MemberLog): Map<string, LogEvent[]> {
  const topics = new Map<string, LogEvent[]>(desiredTopics.map(({ topic }) => [topic, []]));
  for (const event of events) {
    if (event.kind === 'session') for (const topic of event.topics.keys()) topics.set(topic, []);
    else if (event.kind !== 'ended') topics.set(topicOf(event), []);
  }
  for (const event of events) {
    if (event.kind === 'session' || event.kind === 'ended') for (const list of topics.values()) list.push(event);
    else topics.get(topicOf(event))?.push(event);
  }
  return topics;
}

function topicOf(event: Exclude<LogEvent, { kind: 'session' | 'ended' }>): string {
  return event.kind === 'message' ? event.message.topic : event.topic;
}

/** One client and one topic. */
class TopicJudge {
  readonly #truth: IndexedTruth;
  readonly #log: MemberLog;
  readonly #rules: Rules;
  readonly #verdict: Verdict;
  /** Ids that were handed out. */
  readonly #had = new Set<Position>();
  /** Ids that were blamed already. */
  readonly #blamed = new Set<Position>();
  /** Tokens of doubtful publishes that came, with their ids. */
  readonly #doubted = new Map<string, Position>();
  /** On the present connection. */
  #sent = new Set<Position>();
  #latestSent: Position | null = null;
  #latest: Position | null = null;

  constructor(truth: IndexedTruth, log: MemberLog, rules: Rules, verdict: Verdict) {
    this.#truth = truth;
    this.#log = log;
    this.#rules = rules;
    this.#verdict = verdict;
  }

  judge(events: readonly LogEvent[]): void {
    const losses: Loss[] = [];
    for (const event of events) {
      if (event.kind === 'session') {
        this.#sent = new Set();
        this.#latestSent = null;
      } else if (event.kind === 'lost') {
        losses.push(event);
        // A log that goes on below what was seen is another one: its ids begin anew.
        if (this.#latest !== null && comparePositions(event.position, this.#latest) < 0) this.#latest = event.position;
        this.#latestSent = null;
      } else if (event.kind === 'message') {
        this.#judgeArrival(event.message.id, event.message.token, event.handedOut);
      }
    }
    for (const loss of losses) {
      if (this.#isFalse(loss)) this.#blame('falsely-announced', loss.position);
    }
    for (const { message, because } of requirement(this.#truth, this.#log, events, losses, this.#had)) {
      if (because === 'announced') {
        // What is in the log was announced falsely, and that has been reported.
        if (!message.inLog) this.#verdict.announced += 1;
      } else if (!this.#blamed.has(message.id)) {
        this.#blame(because, message.id);
      }
    }
  }

  #judgeArrival(id: Position, token: string, handedOut: boolean): void {
    const known = this.#knownAs(id, token);
    const sentBefore = this.#sent.has(id);
    const sentLate = this.#latestSent !== null && comparePositions(id, this.#latestSent) < 0;
    this.#sent.add(id);
    if (this.#latestSent === null || comparePositions(id, this.#latestSent) > 0) this.#latestSent = id;
    if (handedOut) this.#verdict.received += 1;

    if (known === undefined) this.#blame('phantom', id);
    else if (handedOut && this.#had.has(id)) this.#blame('duplicated', id);
    else if (sentBefore) this.#blame('repeated', id);
    else if (sentLate || (handedOut && this.#latest !== null && comparePositions(id, this.#latest) < 0)) {
      this.#blame('reordered', id);
    } else if (!isAllowed(this.#log.desiredTopics, this.#truth.topic, known)) this.#blame('wrong-audience', id);
    else if (!handedOut && this.#had.has(id)) this.#verdict.deduplicated += 1;

    if (!handedOut) return;
    this.#had.add(id);
    if (this.#latest === null || comparePositions(id, this.#latest) > 0) this.#latest = id;
  }

  /** When the publish of this message was under way; undefined when there was none. */
  #knownAs(id: Position, token: string): { askedAt: number; answeredAt: number } | undefined {
    const known = this.#truth.byId.get(id);
    if (known !== undefined) return known.token === token ? known : undefined;
    const doubt = this.#truth.doubtful.get(token);
    // One publish has one id.
    if (doubt === undefined || (this.#doubted.get(token) ?? id) !== id) return undefined;
    this.#doubted.set(token, id);
    return doubt;
  }

  #isFalse({ after, position }: Loss): boolean {
    if (!this.#rules.logsMayForget || this.#truth.isIntact) return true;
    if (this.#truth.byId.get(after)?.inLog === true) return true;
    return this.#truth.messages.some(
      ({ id, inLog }) => inLog && comparePositions(id, after) > 0 && comparePositions(id, position) <= 0,
    );
  }

  #blame(kind: FaultKind, id: Position): void {
    this.#blamed.add(id);
    this.#verdict.faults.push({ kind, member: this.#log.member, topic: this.#truth.topic, id });
  }
}
