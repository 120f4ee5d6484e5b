/**
 * Why a connection is closed, or a frame not followed, with the code that the documentation of Pusher Channels has for it.
 * What a client does is decided by the range: 4000 to 4099 and 4300 on end it for ever, 4100 to 4199 bring it back after a
 * second, 4200 to 4299 at once.
 */
export interface Fault {
  readonly code: number;
  readonly message: string;
}

/** The connection is closed with the code. */
export const closings = {
  unknownApp: { code: 4001, message: 'No app has this key' },
  removedApp: { code: 4003, message: 'The app has been removed' },
  badPath: { code: 4005, message: 'Connect at /app/{key}' },
  badVersion: { code: 4006, message: 'protocol must be a number' },
  unsupportedVersion: { code: 4007, message: 'protocol must be 5, 6 or 7' },
  noVersion: { code: 4008, message: 'protocol must be given' },
  badOrigin: { code: 4009, message: 'Pages of this origin may not connect' },
  terminated: { code: 4009, message: 'The connections of this user were terminated' },
  noApps: { code: 4100, message: 'No app is known: no control-api has written one' },
  unavailable: { code: 4100, message: 'The server cannot take the connection now' },
  overCapacity: { code: 4100, message: 'The server has no room for the connection' },
  draining: { code: 4100, message: 'The server is about to restart' },
  lost: { code: 4100, message: 'Events were lost: connect again' },
  tooSlow: { code: 4100, message: 'The connection takes its events too slowly' },
  tooManyFrames: { code: 4100, message: 'Too many frames' },
  badFrame: { code: 4100, message: 'The frame is binary, broken, too large, or in too many pieces' },
  /** Only after `connection_established`, and paced: the client comes back within milliseconds. */
  restarting: { code: 4200, message: 'The server restarts: connect again' },
} as const satisfies Record<string, Fault>;

/** As the data of `pusher:error`, while the connection stays: pusher-js raises an event, and does nothing else. */
export const refusals = {
  notSignedIn: { code: 4009, message: 'The signature of the user is wrong' },
  otherUser: { code: 4009, message: 'The connection is signed in as another user' },
  badFrame: { code: 4200, message: 'The frame must be a JSON object with an event' },
  badUser: { code: 4200, message: 'user_data must be a JSON object whose id is a user id' },
  clientEvent: { code: 4301, message: 'The client event is not allowed' },
  notRelayed: { code: 4301, message: 'The client event was not sent, as far as is known: Redis did not answer' },
  watchlist: { code: 4302, message: 'The watchlist is too long: the first users of it are watched' },
} as const satisfies Record<string, Fault>;

/** The data of `pusher:subscription_error`: the connection stays, without this channel. */
export interface SubscriptionFault {
  readonly type: 'AuthError' | 'InvalidChannel' | 'InvalidData' | 'LimitReached';
  readonly error: string;
  readonly status: number;
}
