import type { Position } from '@holdfast/protocol/position-order';
import type { LogPage, TopicState } from '../topics/state.ts';

export interface Page<T> {
  items: T[];
  /** Where the next page begins; null at the end. */
  cursor: string | null;
}

export interface History {
  size: number;
  seconds: number;
}

/** What a key may make; null: any number. */
export interface TopicQuota {
  maxTopics: number | null;
  /** Of all its topics' histories together, by their sizes. */
  maxHistoryMessages: number | null;
}

export interface TopicOwner {
  /** The API key that makes the topic, if it is not there. */
  key: string;
  /** What a key may make, by its id; undefined: there is no such key any more. */
  quotaOf: (key: string) => TopicQuota | undefined;
}

export type PutOutcome =
  | { kind: 'put'; created: boolean; state: TopicState }
  /** The key that made it has as many topics, or as many messages in its histories, as it may. */
  | { kind: 'topics' | 'history' };

/**
 * Under an idempotency key, what was published within 5 minutes is not published again. The key belongs to
 * its caller and data: another caller, or other data, is a conflict, and nothing is published either.
 */
export interface NewMessage {
  data: Buffer;
  idempotencyKey?: string | undefined;
  /** The id of the API key. */
  caller?: string | undefined;
}

export type PublishOutcome =
  { kind: 'published' | 'repeated'; id: Position } | { kind: 'not-found' } | { kind: 'conflict' };

/** What a topic is made with, or changed to; what is not given stays as it is. */
export interface TopicSettings extends Partial<History> {
  /** null: it does not expire. */
  expireSeconds?: number | null | undefined;
  /** null: it has no presence. */
  presence?: TopicState['presence'] | undefined;
}

/** Topics and their messages. */
export interface Topics {
  /**
   * Creates the topic, or changes the settings that are given of one that is there. One that has expired comes back with
   * its position, and the subscriptions that it had.
   */
  putTopic(topic: string, settings: TopicSettings): Promise<{ created: boolean; state: TopicState }>;
  /** The same, counted for the key that made the topic, and refused where that has as much as it may. */
  putTopicOf(owner: TopicOwner, topic: string, settings: TopicSettings): Promise<PutOutcome>;
  /** The same, but one that is there stays as it is. */
  createTopicOf(owner: TopicOwner, topic: string, settings: TopicSettings): Promise<PutOutcome>;
  /** Removes the topic and its log; every edge with a subscriber is notified. False when there was none. */
  deleteTopic(topic: string): Promise<boolean>;
  /** In the order given; null for one that does not exist, or has expired. A rejection names those that could not be read. */
  readTopics(topics: readonly string[]): Promise<(TopicState | null)[]>;
  /** The same with those that have expired, whose subscriptions hold: they are `dormant`. */
  readWithDormant(topics: readonly string[]): Promise<(TopicState | null)[]>;
  /**
   * Looks at topics that may have expired, at most so many, and makes those dormant that have: for so long as they say
   * nothing was published, and no edge had them. Gives how many.
   */
  expireTopics(limit: number): Promise<number>;
  /** In the order of names, all that begin with `prefix`; `cursor` is the last name of the page before. */
  listTopics(
    cursor: string | null,
    limit: number,
    prefix?: string,
  ): Promise<Page<{ topic: string; state: TopicState }>>;
  /**
   * Appends to the log and publishes to the edges, in one step. The same idempotency key again gives the same id and does
   * neither. With `traceparent`, that of a call that is traced, the message carries it to the edges.
   */
  publish(
    topic: string,
    data: Buffer,
    idempotencyKey?: string,
    caller?: string,
    traceparent?: string,
  ): Promise<PublishOutcome>;
  /** The same for several messages, in the order given, all in one step. Gives one outcome for each. */
  publishAll(topic: string, messages: readonly NewMessage[], traceparent?: string): Promise<PublishOutcome[]>;
  /** The same for a client's inbox; the edge that owns the client is notified. */
  publishToClient(
    clientId: string,
    data: Buffer,
    idempotencyKey?: string,
    caller?: string,
    traceparent?: string,
  ): Promise<PublishOutcome>;
  /**
   * What follows `after` in the log (all of it when null), at most `limit` entries and `MAX_PAGE_BYTES`, but one entry at least;
   * null when the topic does not exist.
   */
  readLog(topic: string, after: Position | null, limit: number): Promise<LogPage | null>;
  /** The same for a client's inbox. */
  readClientLog(clientId: string, after: Position | null, limit: number): Promise<LogPage | null>;
}
