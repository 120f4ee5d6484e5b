/** The socket of a connection, as everything but the transport sees it. */
export interface Transport {
  /** Sends whole WebSocket frames. */
  send(frames: Buffer): void;
  /** Bytes that wait in this process for the socket to take them. */
  readonly bufferedBytes: number;
  /** Begins the closing handshake; the end is enforced some seconds later. */
  close(code: number, reason: string): void;
  /** Cuts the connection. */
  terminate(): void;
}

/** Transports in one call of a {@link Broadcast}, at most. */
export const MAX_BATCH = 32;

/** Sends the same frames to at most {@link MAX_BATCH} transports. `onWaiting` is called for each for which something waits then. */
export type Broadcast = (transports: readonly Transport[], frames: Buffer, onWaiting: (index: number) => void) => void;
