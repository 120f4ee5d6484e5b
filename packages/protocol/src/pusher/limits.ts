/** Limits of the Pusher Channels protocol, as its documentation and its libraries have them. */

/** Bytes of an event's data; 413 beyond. */
export const MAX_EVENT_BYTES = 10 * 1024;
export const MAX_EVENT_NAME_LENGTH = 200;
export const MAX_CHANNEL_NAME_LENGTH = 200;
/** Channels of one event. */
export const MAX_CHANNELS = 100;
/** Events of one batch. */
export const MAX_BATCH_EVENTS = 10;
/** Client events a second from one connection. */
export const MAX_CLIENT_EVENTS_PER_SECOND = 10;
export const MAX_USER_ID_LENGTH = 128;
/** Bytes of `channel_data`, with the user's id and info. */
export const MAX_CHANNEL_DATA_BYTES = 2 * 1024;
/** Users that one user may watch. */
export const MAX_WATCHLIST = 100;
/** How far a signed request may be from the server's time. */
export const MAX_TIME_DIFFERENCE_SECONDS = 600;
/** The events of a channel that are kept, to fill gaps between Redis and edges. */
export const CHANNEL_HISTORY = { size: 100, seconds: 60 } as const;
/** How long the last event of a cache channel is kept. */
export const CACHE_SECONDS = 30 * 60;
