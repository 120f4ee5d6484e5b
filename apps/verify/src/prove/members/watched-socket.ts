import { type ClientOptions, WebSocket } from 'ws';

/** What the SDK is given as the options of its WebSocket: `onSocket` gets every socket that it makes. */
export interface WatchedOptions extends ClientOptions {
  onSocket: (socket: WebSocket) => void;
}

/** The WebSocket of `ws`, handed to whoever wants to hurt it. */
export class WatchedSocket extends WebSocket {
  constructor(url: string, protocols: string[], { onSocket, ...options }: WatchedOptions) {
    super(url, protocols, options);
    onSocket(this);
  }
}
