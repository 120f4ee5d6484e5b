import type { Positions } from './position-book.ts';

/**
 * Asks the page's own backend for a token. Null: the backend says no, and the client closes as `not-authorized`; what it
 * throws is a failure that may pass. A token is asked for anew each time: one that was kept from earlier may be over.
 */
export type GetToken = (options: { signal: AbortSignal }) => string | null | Promise<string | null>;

export type ConnectOptions = ClientIdOptions | TokenOptions;

/** A client that a backend has registered. */
export interface ClientIdOptions extends ConnectionOptions {
  clientId: string;
  /** The edges that Register named (`connect.urls`), such as `ws://127.0.0.1:7701`; `url` for a single one, or for the first of them. */
  urls?: readonly string[] | undefined;
  url?: string | null | undefined;
  /**
   * Where control-api listens, as a page reaches it. With it a client whose registration is gone ends as `unregistered`,
   * and may subscribe; without it, where the WebSocket does not show why a handshake was refused, it tries for ever.
   */
  controlUrl?: string | undefined;
  getToken?: undefined;
}

/** A client that registers itself, with tokens. */
export interface TokenOptions extends ConnectionOptions {
  /** Where control-api listens, as a page reaches it. */
  controlUrl: string;
  getToken: GetToken;
  clientId?: undefined;
  urls?: undefined;
  url?: undefined;
}

interface ConnectionOptions {
  /** Where the client id travels: in the query, or as an offered subprotocol, which keeps it out of access logs. */
  credential?: 'query' | 'subprotocol' | undefined;
  /** In place of the platform's `fetch`, for calls of control-api. */
  fetch?: typeof globalThis.fetch | undefined;
  /** From `positions()` of an earlier page or process: goes on from there. */
  positions?: Positions | undefined;
  /** Whether a reconnect asks for what it missed. On by default. */
  resume?: boolean | undefined;
  /** Asks for presence from the first connection on; otherwise the first call of `presence` connects anew. */
  presence?: boolean | undefined;
  /** Closes the client. */
  signal?: AbortSignal | undefined;
  /** In place of the platform's, such as that of `ws`. */
  WebSocket?: SocketConstructor | undefined;
  /** The third argument of that constructor. */
  webSocketOptions?: unknown;
}

export interface MessagesOptions {
  /** Ends the loop, without an error. */
  signal?: AbortSignal | undefined;
  /** How many messages may wait for the loop; one more, and it throws `iterator-overflow`. 10,000 by default. */
  maxBuffered?: number | undefined;
}

/** What the SDK reads of a WebSocket's events. */
interface SocketEvent {
  readonly type: string;
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
}

/** What the SDK needs of a WebSocket: the platform's own has it, and that of `ws`. */
export interface Socket {
  send(text: string): void;
  close(code?: number, reason?: string): void;
  /** Ends it without a closing handshake; `ws` has it, platforms do not. */
  terminate?(): void;
  addEventListener(type: 'open' | 'message' | 'close' | 'error', listener: (event: SocketEvent) => void): void;
}

export type SocketConstructor = new (url: string, protocols: string[], options?: never) => Socket;
