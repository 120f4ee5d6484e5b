import type { LogEntry } from '@holdfast/broker/topic-state';
import { type Position, laterOf } from '@holdfast/protocol/position-order';
import { Connection } from '../connection/connection.ts';
import { broadcast } from '../transport/broadcast.ts';
import { messageEncoder } from '../transport/frames.ts';
import { Subscription } from '../topic/subscription.ts';
import { newCounters, newLatencies } from '../counters.ts';
import { Topic } from '../topic/topic.ts';
import { LogModel } from './log-model.ts';
import { RecordingTransport } from './recording-transport.ts';
import { someClaim } from './some-claim.ts';
import { turns } from './turns.ts';

const TOPIC = 'news';
const CREATED_AT = 1_000_000;
const INCARNATION = '0';
/** What the edge reads at a time. */
const PAGE_ENTRIES = 128;
/** More than any chain of reads in these tests takes. */
const SETTLED_TURNS = 60;

/** One subscriber of a topic, with the socket that keeps what it receives. */
export interface Listener {
  socket: RecordingTransport;
  connection: Connection;
  subscription: Subscription;
  /** Where it was taken in. */
  start: Position;
}

/** A topic over a log in memory, with control over everything that it depends on. */
export function topicHarness() {
  const encode = messageEncoder(TOPIC);
  const deps = {
    log: new LogModel(CREATED_AT) as LogModel | null,
    away: false,
    /** While it is set, reads are answered when it resolves. */
    hold: null as Promise<void> | null,
    reads: 0,
    /** As if every slice of sending took all the time that a slice may take. */
    sliced: false,
    /** Whether messages may be sent. */
    fresh: true,
    stalled: 0,
    gone: 0,
    idle: 0,
  };
  const counters = newCounters();
  const latencies = newLatencies();
  /** The newest of each connection's id. */
  const subscriptions = new Map<string, Subscription>();
  const answer = async <T>(work: () => T): Promise<T> => {
    deps.reads += 1;
    if (deps.away) throw new Error('away');
    const found = work();
    await deps.hold;
    await turns(1);
    return found;
  };
  const topic = new Topic(TOPIC, INCARNATION, {
    readTopic: () => answer(() => deps.log?.state() ?? null),
    readLog: (_topic, after) =>
      answer(() => {
        const page = deps.log?.page(after, PAGE_ENTRIES);
        if (page === undefined) return null;
        const entries = page.entries.map(({ data, ...entry }) => ({ ...entry, frame: encode(entry.id, data) }));
        return { ...page, entries };
      }),
    flushSoon: () => {
      if (flushing) return;
      flushing = true;
      setImmediate(flushSlice);
    },
    subscriptionOf: (_topic, id) => subscriptions.get(id),
    onGone: () => {
      deps.gone += 1;
    },
    onSettings: () => undefined,
    onIdle: () => {
      deps.idle += 1;
    },
    onOccupancy: () => undefined,
    onReadFailed: () => {
      deps.stalled += 1;
    },
    isFresh: () => deps.fresh,
    whenFresh: async () => {
      while (!deps.fresh) await turns(1);
    },
    broadcast,
    counters,
    latencies,
  });

  let flushing = false;
  function flushSlice(): void {
    flushing = false;
    if (topic.flush(deps.sliced ? 0 : undefined)) return;
    flushing = true;
    setImmediate(flushSlice);
  }

  function receive({ prev, id, data, except }: LogEntry): void {
    topic.sequencer.onLive(prev, id, data, undefined, except);
  }

  /** A connection of its own that joins at a position, or at the present end. Its id is that of its generation. */
  function join(position: Position | null = null, begin: Position = '0-0', generation = 1): Listener {
    const socket = new RecordingTransport();
    const connection = new Connection(someClaim('client', generation), socket, 'open', counters);
    const start = position ?? laterOf(topic.lastSent, begin);
    const subscription = new Subscription(topic, connection, `${begin} ${INCARNATION}`, start);
    subscriptions.set(connection.id, subscription);
    connection.subscribe(subscription);
    return { socket, connection, subscription, start };
  }

  return {
    deps,
    topic,
    counters,
    latencies,
    receive,
    join,
    get log(): LogModel {
      if (deps.log === null) throw new Error('the topic is deleted');
      return deps.log;
    },
    /** Appends to the log, and delivers it live unless asked not to. */
    publish(data: string | Buffer = '1', { live = true } = {}): Position {
      const entry = this.log.append(Buffer.from(data));
      if (live) receive(entry);
      return entry.id;
    },
    settled: () => turns(SETTLED_TURNS),
    async opened() {
      void topic.sequencer.sync();
      await topic.ready;
      await turns(2);
    },
  };
}

export type TopicHarness = ReturnType<typeof topicHarness>;
