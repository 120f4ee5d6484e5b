import type { HoldfastClient, Presence, PresenceMember } from '@holdfast/client';
import { useMemo, useSyncExternalStore } from 'react';
import { useHoldfast } from './provider.ts';

export interface PresenceView {
  /** Who is there, by `id`; empty while that is not known, and when there are too many to be named. */
  members: readonly PresenceMember[];
  /** How many are there. */
  count: number;
  /** Whether the topic shows only how many there are. */
  countOnly: boolean;
  /** Whether it is known who is there. */
  isKnown: boolean;
}

const UNKNOWN: PresenceView = { members: [], count: 0, countOnly: false, isKnown: false };

/** Who is present on a topic that the client is subscribed to, and may see. */
export function usePresence(topic: string): PresenceView {
  const client = useHoldfast();
  const store = useMemo(() => new PresenceStore(client, topic), [client, topic]);
  return useSyncExternalStore(store.subscribe, store.snapshot, () => UNKNOWN);
}

class PresenceStore {
  readonly #client: HoldfastClient | null;
  readonly #topic: string;
  #view: PresenceView = UNKNOWN;

  constructor(client: HoldfastClient | null, topic: string) {
    this.#client = client;
    this.#topic = topic;
  }

  readonly subscribe = (notify: () => void): (() => void) => {
    const presence = this.#client?.presence(this.#topic);
    const update = (): void => {
      if (presence !== undefined) this.#view = viewOf(presence);
      notify();
    };
    const remove = presence?.on('change', update);
    // It was known before; nothing comes when the client closes first.
    presence?.ready.then(update, () => undefined);
    return () => {
      remove?.();
      presence?.close();
    };
  };

  readonly snapshot = (): PresenceView => this.#view;
}

function viewOf(presence: Presence): PresenceView {
  return {
    members: Array.from(presence, ([id, info]) => ({ id, info })),
    count: presence.count,
    countOnly: presence.countOnly,
    isKnown: true,
  };
}
