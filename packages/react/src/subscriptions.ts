import { type HoldfastClient, HoldfastError } from '@holdfast/client';

/** Between two attempts; each failure in a row doubles it. */
const RETRY_MS = 1000;
const MAX_RETRY_MS = 15_000;

export interface SubscriptionState {
  isSubscribed: boolean;
  /** Why not, at the last attempt. */
  error: Error | null;
}

const NONE: SubscriptionState = { isSubscribed: false, error: null };

/** The subscriptions that the components of one client want. Those that nothing wants any more end. */
export class Subscriptions {
  static readonly #ofClients = new WeakMap<HoldfastClient, Subscriptions>();

  readonly #client: HoldfastClient;
  readonly #topics = new Map<string, Subscription>();

  static of(client: HoldfastClient): Subscriptions {
    let subscriptions = this.#ofClients.get(client);
    if (subscriptions === undefined) {
      subscriptions = new Subscriptions(client);
      this.#ofClients.set(client, subscriptions);
    }
    return subscriptions;
  }

  private constructor(client: HoldfastClient) {
    this.#client = client;
    client.on('registered', ({ isNew }) => {
      if (!isNew) return;
      for (const subscription of this.#topics.values()) subscription.forgotten();
    });
  }

  /** One more component wants the topic. Returns the function that takes that back. */
  want(topic: string, notify: () => void): () => void {
    const subscription = this.#topics.get(topic) ?? new Subscription(this.#client, topic);
    this.#topics.set(topic, subscription);
    return subscription.want(notify);
  }

  state(topic: string): SubscriptionState {
    return this.#topics.get(topic)?.state ?? NONE;
  }
}

/** Brings one topic to what is wanted, one call at a time. */
class Subscription {
  readonly #client: HoldfastClient;
  readonly #topic: string;
  readonly #listeners = new Set<() => void>();
  #state = NONE;
  #isBusy = false;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: HoldfastClient, topic: string) {
    this.#client = client;
    this.#topic = topic;
    void client.closed.then(() => clearTimeout(this.#timer));
  }

  get state(): SubscriptionState {
    return this.#state;
  }

  want(notify: () => void): () => void {
    // A function of its own for each: two components may share one.
    const listener = (): void => notify();
    this.#listeners.add(listener);
    this.#look(0);
    return () => {
      this.#listeners.delete(listener);
      this.#look(0);
    };
  }

  /** The client was registered anew, without this topic. */
  forgotten(): void {
    this.#set(NONE);
    this.#look(0);
  }

  /** Later, for in strict mode React unmounts and mounts again at once. */
  #look(afterMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#reconcile(), afterMs);
  }

  get #isWanted(): boolean {
    return this.#listeners.size > 0;
  }

  async #reconcile(): Promise<void> {
    if (this.#isBusy || this.#isWanted === this.#state.isSubscribed || this.#client.state === 'closed') return;
    const isSubscribed = this.#isWanted;
    this.#isBusy = true;
    try {
      await (isSubscribed ? this.#client.subscribe([this.#topic]) : this.#client.unsubscribe([this.#topic]));
      this.#failures = 0;
      this.#set({ isSubscribed, error: null });
      this.#look(0);
    } catch (error) {
      this.#set({ ...this.#state, error: error instanceof Error ? error : new Error(String(error)) });
      if (mayPass(error)) this.#look(Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** this.#failures++));
    } finally {
      this.#isBusy = false;
    }
  }

  #set(state: SubscriptionState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

/** Whether another attempt may help. */
function mayPass(error: unknown): boolean {
  if (!(error instanceof HoldfastError)) return false;
  const { code, status = 0 } = error;
  return code === 'unreachable' || code === 'topic-not-found' || status === 429 || status >= 500;
}
