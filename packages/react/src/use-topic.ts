import type { HoldfastClient, Lost, Message } from '@holdfast/client';
import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import { useHoldfast } from './provider.ts';

/** As many as a list on a page shows. */
const DEFAULT_LIMIT = 100;

export interface UseTopicOptions {
  /** How many of the last messages are kept. 100 by default. */
  limit?: number | undefined;
}

export interface TopicView {
  /** The last messages since the component mounted, the newest at the end. */
  messages: readonly Message[];
  /** The last loss: messages after `after`, up to `position`, are gone for good. */
  lost: Lost | null;
}

const EMPTY: TopicView = { messages: [], lost: null };

/** What a component shows of a topic: the last messages that came since it mounted. */
export function useTopic(topic: string, { limit = DEFAULT_LIMIT }: UseTopicOptions = {}): TopicView {
  const client = useHoldfast();
  const store = useMemo(() => new TopicStore(client, topic, limit), [client, topic, limit]);
  return useSyncExternalStore(store.subscribe, store.snapshot, () => EMPTY);
}

/** Calls a listener with each message of a topic. It may be another function in each render. */
export function useMessage(topic: string, listener: (message: Message) => void): void {
  const client = useHoldfast();
  const latest = useRef(listener);
  useEffect(() => {
    latest.current = listener;
  });
  useEffect(
    () =>
      client?.on('message', (message) => {
        if (message.topic === topic) latest.current(message);
      }),
    [client, topic],
  );
}

class TopicStore {
  readonly #client: HoldfastClient | null;
  readonly #topic: string;
  readonly #limit: number;
  readonly #messages: Message[] = [];
  #lost: Lost | null = null;
  /** Made when a render asks for it, and not for each message of a burst. */
  #view: TopicView | null = EMPTY;

  constructor(client: HoldfastClient | null, topic: string, limit: number) {
    this.#client = client;
    this.#topic = topic;
    this.#limit = limit;
  }

  readonly subscribe = (notify: () => void): (() => void) => {
    const changed = (): void => {
      this.#view = null;
      notify();
    };
    const listeners = [
      this.#client?.on('message', (message) => {
        if (message.topic !== this.#topic) return;
        this.#messages.push(message);
        if (this.#messages.length > this.#limit) this.#messages.shift();
        changed();
      }),
      this.#client?.on('lost', (lost) => {
        if (lost.topic !== this.#topic) return;
        this.#lost = lost;
        changed();
      }),
    ];
    return () => {
      for (const remove of listeners) remove?.();
    };
  };

  readonly snapshot = (): TopicView => {
    this.#view ??= { messages: [...this.#messages], lost: this.#lost };
    return this.#view;
  };
}
