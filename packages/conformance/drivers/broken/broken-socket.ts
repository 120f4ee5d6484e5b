import type { ConnectOptions } from '@holdfast/client';
import { WebSocket } from 'ws';

const NO_CLOSE_FRAME = 1006;

/** What may go wrong between a client and its connection. */
export interface SocketFault {
  /** Before the client connects: the URL that it connects to. */
  open?: (url: string) => string;
  /** What is sent in place of a text; null: nothing. */
  send?: (text: string) => string | null;
  /** What the client receives in place of a text. */
  receive?: (text: string) => string[];
  /** What the client learns of a close frame. */
  closed?: (code: number) => number;
  /** The code with which the client closes. */
  close?: (code: number) => number;
}

type SocketConstructor = NonNullable<ConnectOptions['WebSocket']>;
type EventType = 'open' | 'message' | 'close' | 'error';

interface SocketEvent {
  readonly type: string;
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
}

type Listener = (event: SocketEvent) => void;

/** A WebSocket for the client with a fault in it. */
export function brokenWebSocket(fault: SocketFault): SocketConstructor {
  return class {
    readonly #socket: WebSocket;

    constructor(url: string, protocols: string[], options?: object) {
      this.#socket = new WebSocket(fault.open?.(url) ?? url, protocols, options);
    }

    send(text: string): void {
      const sent = fault.send === undefined ? text : fault.send(text);
      if (sent !== null) this.#socket.send(sent);
    }

    close(code = 1000, reason?: string): void {
      this.#socket.close(fault.close?.(code) ?? code, reason);
    }

    terminate(): void {
      this.#socket.terminate();
    }

    addEventListener(type: EventType, listener: Listener): void {
      // The overloads of `ws` name each event; this takes any.
      this.#socket.addEventListener(type as 'message', wrapped(type, listener, fault));
    }
  };
}

function wrapped(type: EventType, listener: Listener, { receive, closed }: SocketFault): Listener {
  if (type === 'message' && receive !== undefined) {
    return ({ data }) => receive(String(data)).forEach((text) => listener({ type, data: text }));
  }
  if (type !== 'close' || closed === undefined) return listener;
  return (event) => {
    const { code = NO_CLOSE_FRAME } = event;
    const learnt = closed(code);
    listener(learnt === code ? event : { type, code: learnt, reason: '' });
  };
}

interface Frame extends Record<string, unknown> {
  type: string;
}

/** Changes frames of a type on their way to the client. */
export function onFrame(type: string, change: (frame: Frame) => Frame[]): (text: string) => string[] {
  return (text) => {
    const frame = parse(text);
    return frame?.type === type ? change(frame).map((changed) => JSON.stringify(changed)) : [text];
  };
}

/** Changes the positions of what the client resumes from. */
export function onResume(change: (positions: Record<string, string>) => void): (text: string) => string {
  return (text) => {
    const frame = parse(text);
    if (frame?.type !== 'resume') return text;
    change(frame['positions'] as Record<string, string>);
    return JSON.stringify(frame);
  };
}

function parse(text: string): Frame | undefined {
  try {
    return JSON.parse(text) as Frame;
  } catch {
    return undefined;
  }
}
