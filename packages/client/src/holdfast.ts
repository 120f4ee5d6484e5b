/** All of the SDK, for the bundle that a page loads. Programs with a bundler of their own import the files. */
export { connect } from './connect.ts';
export type { Registered } from './authorization/authorization.ts';
export type { HoldfastClient } from './connect.ts';
export type { ClientIdOptions, ConnectOptions, GetToken, MessagesOptions, TokenOptions } from './connect-options.ts';
export type { ClientEvents, Closed, ClosedReason, ListenerError, StateChange } from './events.ts';
export { HoldfastError } from './holdfast-error.ts';
export type { Presence, PresenceEvents } from './presence/presence.ts';
export type { PresenceChange } from './presence/presence-replica.ts';
export type { Positions } from './position-book.ts';
export { createRest } from './rest.ts';
export type { Rest } from './rest.ts';
