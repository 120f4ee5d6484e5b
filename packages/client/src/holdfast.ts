/** All of the SDK: what applications import, and the file that a page loads. */
export type {
  Expiring,
  Lost,
  Message,
  PresenceMember,
  Subscribed,
  Unsubscribed,
  Welcome,
} from '@holdfast/protocol/down';
export type { Problem, ProblemCode } from '@holdfast/protocol/problems';
export type { Registered } from './authorization/authorization.ts';
export { connect } from './connect.ts';
export type { HoldfastClient } from './connect.ts';
export type { ClientIdOptions, ConnectOptions, GetToken, MessagesOptions, TokenOptions } from './connect-options.ts';
export type { ClientEvents, Closed, ClosedReason, ListenerError, StateChange } from './events.ts';
export { HoldfastError } from './holdfast-error.ts';
export type { LocalErrorCode } from './holdfast-error.ts';
export type { CallOptions, RestOptions } from './http-call.ts';
export type { Positions } from './position-book.ts';
export type { Presence, PresenceEvents } from './presence/presence.ts';
export type { PresenceChange } from './presence/presence-replica.ts';
export { createRest } from './rest.ts';
export type {
  BatchMessage,
  BatchResults,
  ClientDetails,
  ClientPage,
  ClientTopics,
  LogPage,
  Published,
  PublishOptions,
  RegisterOptions,
  Registration,
  Rest,
  Topic,
  TopicDetails,
  TopicOptions,
  TopicPage,
  UserDetails,
} from './rest.ts';
