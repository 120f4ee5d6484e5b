import { useCallback, useSyncExternalStore } from 'react';
import { useHoldfast } from './provider.ts';
import { type SubscriptionState, Subscriptions } from './subscriptions.ts';

export interface SubscriptionView extends SubscriptionState {}

const NONE: SubscriptionView = { isSubscribed: false, error: null };

/**
 * Subscribes the client to a topic while a component wants it, within what the client may: for `connect` with `getToken`
 * or `controlUrl`. Topics that the client was registered with need no hook.
 */
export function useSubscription(topic: string): SubscriptionView {
  const client = useHoldfast();
  const subscribe = useCallback(
    (notify: () => void) => (client === null ? () => undefined : Subscriptions.of(client).want(topic, notify)),
    [client, topic],
  );
  return useSyncExternalStore(
    subscribe,
    () => (client === null ? NONE : Subscriptions.of(client).state(topic)),
    () => NONE,
  );
}
