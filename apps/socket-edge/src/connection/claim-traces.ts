import type { ClientState } from '@holdfast/broker/client-state';

/** The traceparent of claims that are traced, by the state that they read: a resume that follows belongs to them. */
export const claimTraces = new WeakMap<ClientState, string>();
