import { type Frame, type HistoryEvent, inboxOf } from '../prove/history/events.ts';
import { type SimulatedLog, append, continues, emptyLog, goesOnAfter, hasLost, trim } from './simulated-log.ts';

export const CLIENTS = ['client-1', 'client-2', 'client-3'];
export const TOPICS = ['a', 'b', 'c'];
/** No client subscribes to it. */
export const FOREIGN_TOPIC = 'foreign';

/** Longer than any connection may take to follow. */
const SETTLED_MS = 31_000;
/** Connections that are cut off for longer catch up. */
const CUT_OFF_MS = 20_000;
/** So far apart are ids, but where the clock is behind: those that follow lost ones may lie between them. */
const STEP = 8;
/** As far as some 20 ids. */
const CLOCK_BACK = 20 * STEP;

/** A step for each name. */
type Lone<Name extends string> = Name extends string ? { do: Name; client: string } : never;

export type Step =
  | { do: 'publish'; topic: string; answer: 'ok' | 'refused' | 'taken' | 'in-vain' }
  | { do: 'again'; topic: string }
  | Lone<'write' | 'register' | 'unregister' | 'disconnect' | 'cut' | 'view' | 'cut-off' | 'catch-up'>
  | { do: 'subscribe'; client: string; topic: string }
  | { do: 'unsubscribe'; client: string; topic: string }
  | { do: 'connect'; client: string; resumes: boolean }
  | { do: 'renew'; topic: string }
  | { do: 'save' }
  | { do: 'clock-back' }
  | { do: 'trim'; topic: string }
  | { do: 'forget' };

interface State {
  streams: Map<string, SimulatedLog>;
  /** Of each client that is registered: where each of its subscriptions begins. */
  clients: Map<string, Map<string, number>>;
}

interface Line {
  number: number;
  /** The streams that it follows, each as it was created, and how far it got: all ids since its beginning. */
  follows: Map<string, { createdAt: number; had: number[] }>;
  /** Since when it has been cut off from Redis; null: it is not. */
  cutOffAt: number | null;
}

/** An installation that does everything right and at once, and writes its history. */
export class SimulatedInstallation {
  readonly #events: HistoryEvent[] = [];
  #now = 100;
  /** The clock that ids are made of. */
  #ids = 1000;
  readonly #issued = new Set<number>();
  #tokens = 0;
  #lines = 0;
  #state: State = { streams: new Map(), clients: new Map() };
  #saved: { state: State; from: number; to: number } | undefined;
  readonly #open = new Map<string, Line>();
  readonly #positions = new Map<string, Map<string, number>>(CLIENTS.map((name) => [name, new Map()]));

  constructor() {
    for (const name of [...TOPICS, FOREIGN_TOPIC]) this.#create(name);
    for (const name of CLIENTS) {
      this.#register(name, TOPICS.slice(0, 2));
      this.#connect(name, true);
    }
  }

  take(action: Step, milliseconds: number): void {
    this.#now += milliseconds;
    for (const [name, { cutOffAt }] of this.#open) {
      if (cutOffAt !== null && this.#now - cutOffAt > CUT_OFF_MS) this.#catchUp(name);
    }
    if (action.do === 'publish') this.#publish(action.topic, action.answer);
    else if (action.do === 'again') this.#publishTwice(action.topic);
    else if (action.do === 'renew') this.#renew(action.topic);
    else if (action.do === 'save') this.#save();
    else if (action.do === 'clock-back') this.#ids -= CLOCK_BACK;
    else if (action.do === 'trim') trim(this.#logOf(action.topic));
    else if (action.do === 'forget') this.#forget();
    else this.#takeOf(action);
  }

  end(): HistoryEvent[] {
    for (const name of CLIENTS) {
      this.#catchUp(name);
      if (!this.#open.has(name)) this.#connect(name, true);
      this.#now += 10;
      this.#view(name, true);
    }
    for (const name of TOPICS) this.#publish(name, 'ok');
    this.#events.push({ kind: 'end', at: this.#now + SETTLED_MS });
    return this.#events;
  }

  #takeOf(action: Extract<Step, { client: string }>): void {
    const { client: name } = action;
    const line = this.#open.get(name);
    if (action.do === 'cut-off') {
      if (line !== undefined) line.cutOffAt ??= this.#now;
      return;
    }
    if (action.do !== 'write') this.#catchUp(name);
    const subscriptions = this.#state.clients.get(name);
    if (action.do === 'register') {
      if (subscriptions === undefined) this.#register(name, TOPICS.slice(0, 1));
    } else if (subscriptions === undefined || action.do === 'catch-up') {
      return;
    } else if (action.do === 'write') this.#publish(inboxOf(name), 'ok');
    else if (action.do === 'view') this.#view(name, false);
    else if (action.do === 'unregister') this.#unregister(name);
    else if (action.do === 'disconnect') {
      this.#call({ what: 'disconnect', client: name });
      this.#close(name, 4403, false);
    } else if (action.do === 'cut') this.#close(name, 1006, true);
    else if (action.do === 'connect') this.#connect(name, action.resumes);
    else this.#change(action.do, name, action.topic, subscriptions);
  }

  #call(call: Extract<HistoryEvent, { kind: 'call' }>['call'], outcome: 'ok' | 'refused' | 'unknown' = 'ok'): void {
    const status = outcome === 'refused' ? 404 : null;
    this.#events.push({ kind: 'call', from: this.#now, to: this.#now + 1, outcome, status, call });
    this.#now += 2;
  }

  #frame(line: Line, frame: Frame): void {
    this.#now += 0.01;
    this.#events.push({ kind: 'frame', at: this.#now, line: line.number, frame });
  }

  #create(name: string): void {
    this.#call({ what: 'create', topic: name, size: 1000 });
    this.#state.streams.set(name, emptyLog(this.#nextId(0)));
  }

  #publish(
    stream: string,
    answered: 'ok' | 'refused' | 'taken' | 'in-vain',
    token = `t${(this.#tokens += 1)}`,
  ): number {
    const id = this.#nextId(this.#lastOf(stream));
    const how = stream.startsWith('@') ? 'to-client' : 'single';
    const outcome = answered === 'ok' || answered === 'refused' ? answered : 'unknown';
    const idOf = answered === 'ok' ? { id: text(id) } : {};
    this.#call({ what: 'publish', how, stream, token, ...idOf }, outcome);
    if (answered === 'refused' || answered === 'in-vain') return id;
    append(this.#logOf(stream), id, token);
    for (const [name, line] of this.#open) {
      if (line.cutOffAt === null && line.follows.has(stream)) this.#deliver(name, line, stream, id, token);
    }
    return id;
  }

  /** Above the last one, and never one that was issued before, as random sequences make it. */
  #nextId(last: number): number {
    let id = Math.max((this.#ids += STEP), last + 1);
    while (this.#issued.has(id)) id += 1;
    this.#issued.add(id);
    return id;
  }

  #publishTwice(stream: string): void {
    const id = this.#publish(stream, 'ok');
    const token = `t${this.#tokens}`;
    this.#call({ what: 'publish', how: 'idempotent', stream, token, id: text(id) });
  }

  #deliver(name: string, line: Line, stream: string, id: number, token: string): void {
    line.follows.get(stream)?.had.push(id);
    this.#positions.get(name)?.set(stream, id);
    this.#frame(line, { type: 'message', topic: frameTopic(stream), id: text(id), token });
  }

  #register(name: string, topics: readonly string[]): void {
    this.#call({ what: 'register', client: name, topics });
    const inbox = inboxOf(name);
    this.#state.streams.set(inbox, emptyLog(this.#nextId(0)));
    this.#state.clients.set(name, new Map([inbox, ...topics].map((stream) => [stream, this.#lastOf(stream)])));
  }

  #unregister(name: string): void {
    this.#call({ what: 'unregister', client: name });
    this.#state.clients.delete(name);
    this.#close(name, 4410, false);
  }

  #change(what: 'subscribe' | 'unsubscribe', name: string, stream: string, subscriptions: Map<string, number>): void {
    this.#call({ what, client: name, topics: [stream] });
    const line = this.#open.get(name);
    if (what === 'unsubscribe') {
      subscriptions.delete(stream);
      if (line?.follows.has(stream) === true) this.#leave(name, line, stream, 'requested');
    } else if (!subscriptions.has(stream)) {
      subscriptions.set(stream, this.#lastOf(stream));
      if (line !== undefined) this.#follow(name, line, stream);
    }
  }

  #follow(name: string, line: Line, stream: string): void {
    const position = this.#lastOf(stream);
    line.follows.set(stream, { createdAt: this.#logOf(stream).createdAt, had: [position] });
    this.#positions.get(name)?.set(stream, position);
    this.#frame(line, { type: 'subscribed', topic: frameTopic(stream), position: text(position) });
  }

  /** The client keeps its position, as one may: a resume from it is judged all the same. */
  #leave(_name: string, line: Line, stream: string, reason: string): void {
    line.follows.delete(stream);
    this.#frame(line, { type: 'unsubscribed', topic: frameTopic(stream), reason });
  }

  #connect(name: string, resumes: boolean): void {
    const subscriptions = this.#state.clients.get(name);
    if (subscriptions === undefined) return;
    const stated = resumes ? new Map(this.#positions.get(name)) : null;
    const line: Line = { number: (this.#lines += 1), follows: new Map(), cutOffAt: null };
    const positions =
      stated && Object.fromEntries(Array.from(stated, ([stream, id]) => [frameTopic(stream), text(id)]));
    this.#events.push({ kind: 'opening', at: this.#now, line: line.number, client: name, edge: 0, positions });
    this.#now += 1;
    this.#events.push({ kind: 'opened', at: this.#now, line: line.number });
    this.#close(name, 4409, false);
    this.#open.set(name, line);
    const topics: Record<string, { position: string; recovered?: boolean }> = {};
    const after: (() => void)[] = [];
    for (const [stream, begins] of subscriptions) {
      const from = stated?.get(stream);
      const isGap = from !== undefined && this.#mayHaveMissed(stream, from, begins);
      const start = from === undefined ? this.#lastOf(stream) : this.#startAfter(stream, from, begins, isGap);
      topics[frameTopic(stream)] = {
        position: text(start),
        ...(stated === null ? {} : { recovered: from !== undefined && !isGap }),
      };
      line.follows.set(stream, { createdAt: this.#logOf(stream).createdAt, had: [start] });
      if (isGap) after.push(() => this.#lose(line, stream, from, start));
      after.push(() => this.#replay(name, line, stream, start));
      this.#positions.get(name)?.set(stream, start);
    }
    this.#frame(line, { type: 'welcome', topics });
    for (const act of after) act();
  }

  /** Whether anything stands between the two, or the position is of another stream of this name, or of lost writes. */
  #mayHaveMissed(stream: string, from: number, begins: number): boolean {
    const log = this.#logOf(stream);
    return !continues(log, from) || log.entries.some(({ id }) => id > from && id <= begins);
  }

  #startAfter(stream: string, from: number, begins: number, isGap: boolean): number {
    if (!isGap) return from;
    const next = goesOnAfter(this.#logOf(stream), from);
    return from < begins ? Math.max(begins, next) : next;
  }

  #lose(line: Line, stream: string, after: number, position: number): void {
    this.#frame(line, { type: 'lost', topic: frameTopic(stream), after: text(after), position: text(position) });
  }

  #replay(name: string, line: Line, stream: string, start: number): void {
    for (const { id, token } of this.#logOf(stream).entries) {
      if (id > start) this.#deliver(name, line, stream, id, token);
    }
  }

  #close(name: string, code: number, byUs: boolean): void {
    const line = this.#open.get(name);
    if (line === undefined) return;
    this.#open.delete(name);
    this.#now += 1;
    this.#events.push({ kind: 'closed', at: this.#now, line: line.number, code, byUs, status: null });
  }

  #renew(stream: string): void {
    for (const name of this.#open.keys()) this.#catchUp(name);
    this.#call({ what: 'delete', topic: stream });
    for (const subscriptions of this.#state.clients.values()) subscriptions.delete(stream);
    for (const [name, line] of this.#open)
      if (line.follows.has(stream)) this.#leave(name, line, stream, 'topic-deleted');
    this.#create(stream);
  }

  #save(): void {
    const from = this.#now;
    this.#saved = { state: structuredClone(this.#state), from, to: (this.#now += 1) };
    this.#now += 1;
  }

  /** Redis comes back as it was saved, and every edge makes its connections match that. */
  #forget(): void {
    if (this.#saved === undefined) return;
    const { state, from, to } = this.#saved;
    this.#events.push({ kind: 'forgot', savedFrom: from, savedTo: to, lostAt: (this.#now += 1) });
    this.#now += 1;
    this.#state = state;
    this.#saved = undefined;
    for (const [name, line] of this.#open) {
      if (line.cutOffAt === null) this.#match(name, line);
      // One with other subscriptions than before is not cut off any more.
      else if (!this.#isMatched(name, line)) this.#catchUp(name);
    }
  }

  /** A connection reads what it missed while it was cut off from Redis. */
  #catchUp(name: string): void {
    const line = this.#open.get(name);
    if (line === undefined || line.cutOffAt === null) return;
    line.cutOffAt = null;
    this.#match(name, line);
  }

  /** Makes a connection match what Redis has. */
  #match(name: string, line: Line): void {
    const subscriptions = this.#state.clients.get(name);
    if (subscriptions === undefined) {
      this.#close(name, 4410, false);
      return;
    }
    for (const [stream, { createdAt, had }] of line.follows) {
      if (!subscriptions.has(stream)) this.#leave(name, line, stream, 'requested');
      // It followed another topic of that name.
      else if (createdAt !== this.#logOf(stream).createdAt) this.#leave(name, line, stream, 'topic-deleted');
      else this.#goOn(name, line, stream, had);
    }
    for (const stream of subscriptions.keys()) if (!line.follows.has(stream)) this.#follow(name, line, stream);
  }

  /** Whether a connection follows what its client is subscribed to. */
  #isMatched(name: string, { follows }: Line): boolean {
    const subscriptions = this.#state.clients.get(name);
    return (
      subscriptions?.size === follows.size &&
      follows
        .entries()
        .every(([stream, { createdAt }]) => subscriptions.has(stream) && createdAt === this.#logOf(stream).createdAt)
    );
  }

  /** After the last message that it had, or after the last of which the log shows that it was not lost. */
  #goOn(name: string, line: Line, stream: string, had: readonly number[]): void {
    const log = this.#logOf(stream);
    const reached = had.at(-1) ?? log.createdAt;
    let position = reached;
    if (!continues(log, reached)) {
      const common = hasLost(log, reached) ? had.findLast((id) => continues(log, id)) : goesOnAfter(log, reached);
      position = common ?? goesOnAfter(log, had[0] ?? log.createdAt);
      this.#lose(line, stream, reached, position);
      line.follows.set(stream, { createdAt: log.createdAt, had: [...had.filter((id) => id < position), position] });
    }
    this.#replay(name, line, stream, position);
  }

  #view(name: string, isFinal: boolean): void {
    const subscriptions = this.#state.clients.get(name);
    const line = this.#open.get(name);
    const topics = [...(subscriptions?.keys() ?? [])].filter(isTopic);
    const served = line === undefined ? null : [...line.follows.keys()].filter(isTopic);
    const seen = subscriptions === undefined ? null : { topics, connected: line !== undefined, served };
    this.#call({ what: 'view', client: name, isFinal, seen });
  }

  #logOf(stream: string): SimulatedLog {
    return this.#state.streams.get(stream) ?? emptyLog(0);
  }

  #lastOf(stream: string): number {
    return this.#logOf(stream).last;
  }
}

function frameTopic(stream: string): string {
  return stream.startsWith('@') ? '@me' : stream;
}

function text(id: number): string {
  return `${id}-0`;
}

function isTopic(stream: string): boolean {
  return !stream.startsWith('@');
}
