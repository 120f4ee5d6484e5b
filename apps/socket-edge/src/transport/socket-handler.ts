/** A connection, as its WebSocket sees it. */
export interface SocketConnection {
  /** Pings since anything was received. */
  unanswered: number;
  /**
   * Nothing more may be sent: a close frame is on its way, or the socket is gone.
   * @param isFinal the client closed on purpose
   */
  end(isFinal?: boolean, reason?: 'closed' | 'lost'): void;
}

/** What becomes of that which the WebSockets of one protocol receive. It chooses the close codes. */
export interface SocketHandler<C extends SocketConnection> {
  onText(connection: C, text: string): void;
  /** A binary frame, or one that ws does not take. Closes the connection, unless it is binary and may be left alone. */
  onBadFrame(connection: C, why: string): void;
  /** It went on sending more frames, or bytes, than one connection may. Closes the connection. */
  onTooManyFrames(connection: C): void;
  /** A pong with a payload. Those that answer the heartbeat have none. */
  onPong(connection: C, payload: Buffer): void;
  /** The socket has taken all that waited. */
  onDrain(connection: C): void;
  /**
   * The socket is gone.
   * @param closed the client sent a close frame
   */
  onClosed(connection: C, closed: boolean): void;
}
