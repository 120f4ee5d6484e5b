import { randomUUID } from 'node:crypto';
import { HoldfastError } from '@holdfast/client/holdfast-error';
import {
  type ClientTopics,
  type Published,
  type RegisterOptions,
  type Registration,
  type Rest,
  type TopicOptions,
  createRest,
} from '@holdfast/client/rest';
import { type BatchItem, type BatchOutcome, sendBatches } from './batches.ts';
import { type Attempt, type RetryOptions, withRetries } from './retries.ts';

/** Five attempts spread over some seconds: a control-api that restarts is back by then. */
const DEFAULT_ATTEMPTS = 5;
const DEFAULT_TIMEOUT_MS = 10_000;

export interface BackendOptions {
  /** Where control-api listens, such as `http://127.0.0.1:7700`. */
  controlUrl: string;
  /** An API key as it is presented: `<id>.<secret>`. White space around it is left out: a file ends with a line break. */
  key: string;
  /** How often a call is made at most: again after no answer, 408, 429 and 5xx. 5 by default. */
  attempts?: number | undefined;
  /** How long one attempt may take, in milliseconds. 10,000 by default. */
  timeoutMs?: number | undefined;
  /** In place of the platform's `fetch`. */
  fetch?: typeof globalThis.fetch | undefined;
}

interface CallOptions {
  signal?: AbortSignal | undefined;
}

export interface PublishOptions extends CallOptions {
  /**
   * Publishing again under the same key within five minutes publishes nothing and gives the same id. One is made for each
   * call otherwise, so that its own repetitions publish once; give it to be safe across a crash of this process too.
   */
  idempotencyKey?: string | undefined;
}

export type Backend = ReturnType<typeof createBackend>;

/**
 * The calls that a backend makes, with its API key. Each repeats itself while that may help, and has its effect once.
 * They reject with a HoldfastError, whose `code` is that of the problem document, or with the reason of their signal.
 * Raises TypeError when the control URL or the key is none.
 */
export function createBackend(options: BackendOptions) {
  const { controlUrl, key, fetch, attempts = DEFAULT_ATTEMPTS, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  // Mostly of a variable that is not set.
  if (!URL.canParse(controlUrl)) {
    throw new TypeError(`controlUrl must be a URL such as http://127.0.0.1:7700, and is ${controlUrl}`);
  }
  const rest = createRest({ controlUrl, key: checkedKey(key), fetch });
  const retry: RetryOptions = { attempts, timeoutMs };
  const call = <Answer>({ signal }: CallOptions, make: (attempt: Attempt) => Promise<Answer>): Promise<Answer> =>
    withRetries(retry, signal, make);

  return {
    /** Publishes a JSON value to a topic. */
    publish(topic: string, data: unknown, given: PublishOptions = {}): Promise<Published> {
      const { idempotencyKey = randomUUID() } = given;
      return call(given, ({ signal }) => rest.publish(topic, data, { idempotencyKey, signal }));
    },

    /**
     * Publishes many messages, each to its topics, in calls of up to 1,000. Gives one outcome for each, in order; one that
     * is refused does not stop the others. Rejects only when surely none was published. One that is not `ok` may have been
     * published when no answer came; sent again with its `idempotencyKey` it is published once.
     */
    publishMany(messages: readonly BatchItem[], given: CallOptions = {}): Promise<BatchOutcome[]> {
      return sendBatches(rest, retry, messages, given.signal);
    },

    /** Publishes to all connections of a user, as topic `@user`. Rejects with `no-such-user` when it has no client. */
    publishToUser(user: string, data: unknown, given: PublishOptions = {}): Promise<Published> {
      const { idempotencyKey = randomUUID() } = given;
      return call(given, ({ signal }) => rest.publishToUser(user, data, { idempotencyKey, signal }));
    },

    /** Publishes to one client, as topic `@me`. */
    publishToClient(clientId: string, data: unknown, given: PublishOptions = {}): Promise<Published> {
      const { idempotencyKey = randomUUID() } = given;
      return call(given, ({ signal }) => rest.publishToClient(clientId, data, { idempotencyKey, signal }));
    },

    /** Registers a client: its `clientId` is a credential, for the page that it is meant for alone. */
    register(given: RegisterOptions = {}): Promise<Registration> {
      const own = given.clientId ?? randomUUID();
      return call(given, (attempt) => registered(rest, given, own, attempt));
    },

    /** Forgets a client, and closes its connection. */
    unregister(clientId: string, given: CallOptions = {}): Promise<void> {
      return call(given, (attempt) => done(rest.unregister(clientId, attempt), 'user-not-found', attempt));
    },

    subscribe(clientId: string, topics: readonly string[], given: CallOptions = {}): Promise<ClientTopics> {
      return call(given, ({ signal }) => rest.subscribe(clientId, topics, { signal }));
    },

    unsubscribe(clientId: string, topics: readonly string[], given: CallOptions = {}): Promise<ClientTopics> {
      return call(given, ({ signal }) => rest.unsubscribe(clientId, topics, { signal }));
    },

    getClient(clientId: string, given: CallOptions = {}): ReturnType<Rest['getClient']> {
      return call(given, ({ signal }) => rest.getClient(clientId, { signal }));
    },

    /** Makes a topic, or gives the one that is there these settings. */
    createTopic(topic: string, given: TopicOptions = {}): ReturnType<Rest['createTopic']> {
      return call(given, ({ signal }) => rest.createTopic(topic, { ...given, signal }));
    },

    deleteTopic(topic: string, given: CallOptions = {}): Promise<void> {
      return call(given, (attempt) => done(rest.deleteTopic(topic, attempt), 'topic-not-found', attempt));
    },

    /** Whether a user is connected, and with how many clients. */
    getUser(user: string, given: CallOptions = {}): ReturnType<Rest['getUser']> {
      return call(given, ({ signal }) => rest.getUser(user, { signal }));
    },

    /** Who is present on a topic, a page at a time. */
    presence(
      topic: string,
      given: CallOptions & { cursor?: string | null; limit?: number } = {},
    ): ReturnType<Rest['presence']> {
      return call(given, ({ signal }) => rest.presence(topic, { ...given, signal }));
    },

    /** Ends the connections of a user; its registrations stay. */
    disconnectUser(user: string, given: CallOptions = {}): ReturnType<Rest['disconnectUser']> {
      return call(given, ({ signal }) => rest.disconnectUser(user, { signal }));
    },

    /** Refuses all tokens of a user that were issued before, as after a logout, and ends their connections. */
    revokeUser(user: string, given: CallOptions & { issuedBefore?: Date } = {}): ReturnType<Rest['revokeUser']> {
      const { issuedBefore = new Date() } = given;
      return call(given, ({ signal }) => rest.revokeUser(user, { issuedBefore, signal }));
    },
  };
}

/** As a header takes it. What is wrong with it never quotes it: an error of `fetch` would. */
function checkedKey(key: string): string {
  // Of a variable that is not set, for callers without types.
  const trimmed = ((key as string | undefined) ?? '').trim();
  if (!/^[!-~]+\.[!-~]+$/.test(trimmed)) throw new TypeError('key must be <id>.<secret>, of visible ASCII characters');
  return trimmed;
}

/** A repetition that finds the client of the attempt before takes its place: the answer of that attempt is gone. */
async function registered(
  rest: Rest,
  given: RegisterOptions,
  clientId: string,
  { signal, isRepeated }: Attempt,
): Promise<Registration> {
  const register = (): Promise<Registration> => rest.register({ ...given, clientId, signal });
  try {
    return await register();
  } catch (error) {
    const isThere = hasCode(error, 'client-exists') || hasCode(error, 'name-taken');
    // A client id that the caller chose may have been another's before.
    if (!isRepeated || !isThere || given.clientId !== undefined) throw error;
    await done(rest.unregister(clientId, { signal }), 'user-not-found', { signal, isRepeated });
    return register();
  }
}

/** What an attempt before has removed is not there any more. */
async function done(removal: Promise<unknown>, gone: HoldfastError['code'], { isRepeated }: Attempt): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if (!isRepeated || !hasCode(error, gone)) throw error;
  }
}

function hasCode(error: unknown, code: HoldfastError['code']): boolean {
  return error instanceof HoldfastError && error.code === code;
}
