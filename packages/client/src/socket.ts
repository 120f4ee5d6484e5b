/** What the SDK reads of a WebSocket's events. */
export interface SocketEvent {
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
