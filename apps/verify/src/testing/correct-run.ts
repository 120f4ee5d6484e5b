import * as fc from 'fast-check';
import type { Expectation, LogEvent, MemberLog, DesiredTopic } from '../prove/checker/log.ts';
import { type LogEntry, type Publication, type TopicTruth, settle } from '../prove/checker/truth.ts';

/** Everything the checker is given, made by a model of an installation that does everything right. */
export interface Run {
  publications: Publication[];
  logs: Map<string, LogEntry[]>;
  member: MemberLog & { desiredTopics: DesiredTopic[]; events: LogEvent[] };
  logsMayForget: boolean;
}

const TOPICS = ['a', 'b'];
/** Exists, and the client never wants it. */
export const FOREIGN_TOPIC = 'c';

type Step =
  | { do: 'publish'; topic: string; answer: 'published' | 'unanswered' | 'unanswered-in-vain' | 'refused' }
  | { do: 'deliver' }
  | { do: 'cut' }
  | { do: 'connect' }
  | { do: 'subscribe'; topic: string }
  | { do: 'unsubscribe'; topic: string }
  | { do: 'forget'; topic: string };

const topic = fc.constantFrom(...TOPICS);
const publish = fc.record({
  do: fc.constant('publish' as const),
  topic: fc.oneof({ weight: 9, arbitrary: topic }, { weight: 1, arbitrary: fc.constant(FOREIGN_TOPIC) }),
  answer: fc.oneof(
    { weight: 8, arbitrary: fc.constant('published' as const) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('unanswered' as const, 'unanswered-in-vain' as const, 'refused' as const),
    },
  ),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: publish },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('deliver' as const, 'cut' as const, 'connect' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('subscribe' as const, 'unsubscribe' as const), topic }),
  },
);
const forgetting: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: step },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), topic }) },
);

/** However long the steps are, what is sent arrives. */
const ARRIVES_WITHIN_MS = 500;

/** Runs without a fault: of a client that resumes, or of one that does not; with logs that forget, or without. */
export function correctRun(
  options: { forgets?: boolean; expectation?: Expectation; length?: number } = {},
): fc.Arbitrary<Run> {
  const { forgets = false, expectation = 'everything', length = 60 } = options;
  return fc
    .array(fc.tuple(forgets ? forgetting : step, fc.integer({ min: 1, max: 900 })), {
      minLength: 10,
      maxLength: length,
    })
    .map((steps) => {
      const model = new Model(expectation, forgets);
      for (const [action, milliseconds] of steps) model.take(action, milliseconds);
      return model.end();
    });
}

/** An installation with one client, in which everything is as it should be. */
class Model {
  readonly #run: Run;
  #now = 0;
  #tokens = 0;
  #connected = true;
  /** Where the client position; absent when it does not know the topic. */
  readonly #positions = new Map<string, number>();
  /** Sent to it, and not there yet. */
  #underway: { topic: string; id: number; token: string; at: number }[] = [];
  readonly #logs = new Map<string, { id: number; token: string }[]>();
  /** Ids up to here are gone. */
  readonly #forgotten = new Map<string, number>();

  constructor(expectation: Expectation, logsMayForget: boolean) {
    for (const name of [...TOPICS, FOREIGN_TOPIC]) this.#logs.set(name, []);
    const desiredTopics = TOPICS.map((name) => desired(name, -2, -1));
    this.#run = {
      publications: [],
      logs: new Map(),
      member: { member: 0, expectation, desiredTopics, events: [] },
      logsMayForget,
    };
    this.#welcome();
  }

  take(action: Step, milliseconds: number): void {
    const oldest = this.#underway[0];
    if (oldest !== undefined && this.#now + milliseconds > oldest.at + ARRIVES_WITHIN_MS) this.#arrive();
    this.#now += milliseconds;
    if (action.do === 'publish') this.#publish(action.topic, action.answer);
    else if (action.do === 'deliver') this.#arrive();
    else if (action.do === 'cut') this.#cut();
    else if (action.do === 'connect') this.#connect();
    else if (action.do === 'subscribe') this.#subscribe(action.topic);
    else if (action.do === 'unsubscribe') this.#unsubscribe(action.topic);
    else this.#forget(action.topic);
  }

  end(): Run {
    this.#now += 1;
    this.#connect();
    this.#arrive();
    for (const [name, entries] of this.#logs) {
      this.#run.logs.set(
        name,
        entries.map(({ id, token }) => ({ id: text(id), token })),
      );
    }
    return this.#run;
  }

  #publish(name: string, answer: Extract<Step, { do: 'publish' }>['answer']): void {
    this.#tokens += 1;
    const token = `t${this.#tokens}`;
    const id = this.#tokens;
    const times = { askedAt: this.#now, answeredAt: this.#now + 0.5 };
    this.#run.publications.push({
      topic: name,
      token,
      ...times,
      outcome:
        answer === 'published'
          ? { kind: 'published', id: text(id) }
          : answer === 'refused'
            ? { kind: 'refused', status: 404 }
            : { kind: 'unknown' },
    });
    if (answer === 'refused' || answer === 'unanswered-in-vain') return;
    this.#logs.get(name)?.push({ id, token });
    if (this.#connected && this.#desiredOf(name)) this.#underway.push({ topic: name, id, token, at: this.#now });
  }

  #arrive(): void {
    for (const { topic: name, id, token } of this.#underway) {
      const message = { topic: name, id: text(id), token };
      this.#positions.set(name, id);
      this.#run.member.events.push({ kind: 'message', at: this.#now, message, handedOut: true });
    }
    this.#underway = [];
  }

  #cut(): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.#underway = [];
    this.#run.member.events.push({ kind: 'ended', at: this.#now, code: 1006 });
  }

  #connect(): void {
    if (this.#connected) return;
    this.#connected = true;
    this.#welcome();
  }

  #welcome(): void {
    const topics = new Map<string, { position: string; recovered: boolean | undefined }>();
    const losses: LogEvent[] = [];
    const resumes = this.#run.member.expectation === 'everything';
    for (const name of TOPICS) {
      if (!this.#desiredOf(name)) {
        this.#positions.delete(name);
        continue;
      }
      const position = resumes ? this.#positions.get(name) : undefined;
      const forgotten = this.#forgotten.get(name) ?? 0;
      if (position === undefined) {
        topics.set(name, { position: text(this.#lastOf(name)), recovered: undefined });
        this.#positions.set(name, this.#lastOf(name));
      } else if (position < forgotten && this.#wasAnything(name, position, forgotten)) {
        topics.set(name, { position: text(forgotten), recovered: false });
        losses.push({ kind: 'lost', at: this.#now, topic: name, after: text(position), position: text(forgotten) });
        this.#replay(name, forgotten);
      } else {
        topics.set(name, { position: text(position), recovered: true });
        this.#replay(name, position);
      }
    }
    this.#run.member.events.push({ kind: 'session', at: this.#now, topics }, ...losses);
  }

  #replay(name: string, after: number): void {
    this.#positions.set(name, after);
    for (const { id, token } of this.#logs.get(name) ?? []) {
      if (id > after) this.#underway.push({ topic: name, id, token, at: this.#now });
    }
  }

  #subscribe(name: string): void {
    if (this.#desiredOf(name)) return;
    this.#run.member.desiredTopics.push(desired(name, this.#now, this.#now + 0.5));
    if (!this.#connected) return;
    const position = this.#lastOf(name);
    this.#positions.set(name, position);
    this.#run.member.events.push({ kind: 'subscribed', at: this.#now + 0.7, topic: name, position: text(position) });
  }

  #unsubscribe(name: string): void {
    const current = this.#desiredOf(name);
    if (!current) return;
    current.endAskedAt = this.#now;
    current.endedAt = this.#now + 0.5;
    this.#underway = this.#underway.filter((message) => message.topic !== name);
    this.#positions.delete(name);
  }

  /** The log loses all it has, while the client is away: a client that is connected has it all. */
  #forget(name: string): void {
    this.#arrive();
    this.#forgotten.set(name, this.#lastOf(name));
    this.#logs.set(name, []);
  }

  #lastOf(name: string): number {
    return Math.max(this.#forgotten.get(name) ?? 0, this.#logs.get(name)?.at(-1)?.id ?? 0);
  }

  #wasAnything(name: string, after: number, upTo: number): boolean {
    return this.#run.publications.some(
      ({ topic: published, outcome }, index) =>
        published === name && outcome.kind !== 'refused' && index + 1 > after && index + 1 <= upTo,
    );
  }

  #desiredOf(name: string): DesiredTopic | undefined {
    return this.#run.member.desiredTopics.find(
      (candidate) => candidate.topic === name && candidate.endAskedAt === null,
    );
  }
}

function desired(name: string, askedAt: number, since: number): DesiredTopic {
  return { topic: name, askedAt, since, endAskedAt: null, endedAt: null };
}

function text(id: number): string {
  return `${id}-0`;
}

/** What publishers and logs say together. */
export function truthsOf(run: Run): TopicTruth[] {
  return Array.from(run.logs, ([name, log]) => {
    const publications = run.publications.filter((publication) => publication.topic === name);
    return settle(name, publications, log).truth;
  });
}
