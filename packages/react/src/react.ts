/** Holdfast in React: one client for an application, and hooks for what it receives. */
export { HoldfastProvider, useConnectionState, useHoldfast } from './provider.ts';
export type { HoldfastProviderProps } from './provider.ts';
export { useMessage, useTopic } from './use-topic.ts';
export type { TopicView, UseTopicOptions } from './use-topic.ts';
export { usePresence } from './use-presence.ts';
export type { PresenceView } from './use-presence.ts';
export { useSubscription } from './use-subscription.ts';
export type { SubscriptionView } from './use-subscription.ts';
