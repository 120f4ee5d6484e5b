import { HoldfastError } from '@holdfast/client/holdfast-error';
import type { Rest } from '@holdfast/client/rest';
import type { Position } from '@holdfast/protocol/position-order';
import type { Control } from '../control.ts';
import { type Call, type Outcome, type View, inboxOf } from '../history/events.ts';
import type { History } from '../history/history.ts';
import { monotonicMs } from '@holdfast/harness/clock';
import { payloadOf } from '../payload.ts';
import { PRESENCE, PRESENCE_TOPIC, infoOf } from '../presence/log.ts';

const FILLING = 10;
/** What a batch says of an item that was certainly not published. Anything else may have been. */
const REFUSALS: ReadonlySet<string> = new Set(['topic-not-found', 'forbidden', 'invalid-request']);

interface Answer<T> {
  outcome: Outcome;
  status: number | null;
  value?: T;
}

/** Calls of the control API, each made once and written into the history. None rejects. */
export class Calls {
  readonly #control: Control;
  readonly #history: History;

  constructor(control: Control, history: History) {
    this.#control = control;
    this.#history = history;
  }

  register(client: string, topics: readonly string[]): Promise<Answer<unknown>> {
    return this.#make({ what: 'register', client, topics }, (rest, signal) =>
      rest.register({ clientId: client, topics, info: infoOf(client), signal }),
    );
  }

  unregister(client: string): Promise<Answer<unknown>> {
    return this.#make({ what: 'unregister', client }, (rest, signal) => rest.unregister(client, { signal }));
  }

  disconnect(client: string): Promise<Answer<unknown>> {
    return this.#make({ what: 'disconnect', client }, (rest, signal) => rest.disconnect(client, { signal }));
  }

  change(what: 'subscribe' | 'unsubscribe', client: string, topics: readonly string[]): Promise<Answer<unknown>> {
    return this.#make({ what, client, topics }, (rest, signal) => rest[what](client, topics, { signal }));
  }

  createTopic(topic: string, size: number): Promise<Answer<unknown>> {
    const history = { size, seconds: 3600 };
    const presence = topic === PRESENCE_TOPIC ? PRESENCE : null;
    return this.#make({ what: 'create', topic, size }, (rest, signal) =>
      rest.createTopic(topic, { history, presence, signal }),
    );
  }

  deleteTopic(topic: string): Promise<Answer<unknown>> {
    return this.#make({ what: 'delete', topic }, (rest, signal) => rest.deleteTopic(topic, { signal }));
  }

  /** Publishes a new message, or the one of `token` again under its idempotency key. Gives its id, if it has one. */
  async publish(topic: string, token?: string): Promise<Position | undefined> {
    const name = token ?? this.#history.newToken();
    const call: Call = {
      what: 'publish',
      how: token === undefined ? 'single' : 'idempotent',
      stream: topic,
      token: name,
    };
    const options = token === undefined ? {} : { idempotencyKey: token };
    const { value } = await this.#make(
      call,
      (rest, signal) => rest.publish(topic, payloadOf(name, FILLING), { ...options, signal }),
      ({ id }) => ({ ...call, id }),
    );
    return value?.id;
  }

  async publishToClient(client: string): Promise<Position | undefined> {
    const token = this.#history.newToken();
    const call: Call = { what: 'publish', how: 'to-client', stream: inboxOf(client), token };
    const { value } = await this.#make(
      call,
      (rest, signal) => rest.publishToClient(client, payloadOf(token, FILLING), { signal }),
      ({ id }) => ({ ...call, id }),
    );
    return value?.id;
  }

  /** One message for each list of topics. */
  async publishBatch(lists: readonly (readonly string[])[]): Promise<void> {
    const from = monotonicMs();
    const items = lists.map((topics) => ({ topics, token: this.#history.newToken() }));
    const messages = items.map(({ topics, token }) => ({ topics, data: payloadOf(token, FILLING) }));
    const answer = await this.#ask((rest, signal) => rest.publishBatch(messages, { signal }));
    const to = monotonicMs();
    for (const [index, { topics, token }] of items.entries()) {
      const result = answer.value?.results[index];
      for (const stream of topics) {
        const id = result?.ids[stream];
        const isRefused = result?.code !== undefined && REFUSALS.has(result.code);
        const outcome =
          id !== undefined ? 'ok' : result === undefined ? answer.outcome : isRefused ? 'refused' : 'unknown';
        const call: Call = { what: 'publish', how: 'batch', stream, token, ...(id === undefined ? {} : { id }) };
        this.#history.record({ kind: 'call', from, to, outcome, status: answer.status, call });
      }
    }
  }

  /** What the API says of a client. Nothing is written down where `isWritten` does not want it. */
  async view(
    client: string,
    isFinal: boolean,
    isWritten: (view: View | null) => boolean = () => true,
  ): Promise<View | null | undefined> {
    const from = monotonicMs();
    const { outcome, status, value } = await this.#ask((rest, signal) => rest.getClient(client, { signal }));
    const seen: View | null | undefined =
      value === undefined
        ? status === 404
          ? null
          : undefined
        : { topics: value.topics, connected: value.connected, served: value.served && Object.keys(value.served) };
    if (seen !== undefined && isWritten(seen)) {
      const call: Call = { what: 'view', client, isFinal, seen };
      this.#history.record({
        kind: 'call',
        from,
        to: monotonicMs(),
        outcome: seen === null ? 'ok' : outcome,
        status,
        call,
      });
    }
    return seen;
  }

  async #make<T>(
    call: Call,
    ask: (rest: Rest, signal: AbortSignal) => Promise<T>,
    asAnswered: (value: T) => Call = () => call,
  ): Promise<Answer<T>> {
    const from = monotonicMs();
    const answer = await this.#ask(ask);
    const { outcome, status, value } = answer;
    const answered = value === undefined ? call : asAnswered(value);
    this.#history.record({ kind: 'call', from, to: monotonicMs(), outcome, status, call: answered });
    return answer;
  }

  async #ask<T>(ask: (rest: Rest, signal: AbortSignal) => Promise<T>): Promise<Answer<T>> {
    try {
      return { outcome: 'ok', status: null, value: await this.#control.once(ask) };
    } catch (error) {
      const status = error instanceof HoldfastError ? (error.status ?? null) : null;
      return { outcome: status === null || status >= 500 ? 'unknown' : 'refused', status };
    }
  }
}
