import type { DownFrame } from '@holdfast/protocol/down';
import type { UpFrame } from '@holdfast/protocol/up';
import type { Socket } from './connect-options.ts';
import { decodeDownFrame, resumeFrames } from './frames.ts';
import type { Positions } from './position-book.ts';

/** A handshake into a black hole would otherwise hang for minutes; an edge that is busy refuses long before this. */
const WELCOME_WITHIN_MS = 10_000;
/** A failing socket emits `error`, then `close` with the code that decides; should that never come, this ends it. */
const CLOSE_AFTER_ERROR_MS = 1000;
/** What RFC 6455, section 7.4.1, names a connection that ended without a close frame. */
export const NO_CLOSE_FRAME = 1006;

export interface SessionEnd {
  code: number;
  reason: string;
  /** For people. */
  why: string;
}

export interface SessionOptions {
  socket: Socket;
  /** Sent as `resume` frames; absent on a connection that was opened without `resume=1`. */
  positions: Positions | undefined;
  onText: (text: string) => void;
  onFrame: (frame: DownFrame) => void;
  /** Called once, when the connection is over, but not after `close`. */
  onEnd: (end: SessionEnd) => void;
}

export interface Session {
  /** Ends the connection unless something arrives, or an attempt is answered, within so many milliseconds. */
  probe(withinMs: number): void;
  /** With 1000 an edge takes it that the client leaves, with any other code that it may be back in a moment. */
  close(code?: number): void;
}

/** One connection from its socket to its end. Whatever goes wrong comes out as one `onEnd`, with no timer left behind. */
export function startSession({ socket, positions, onText, onFrame, onEnd }: SessionOptions): Session {
  let over = false;
  let heartbeat: Heartbeat | undefined;
  let isOpen = false;
  let failure: string | undefined;
  let probe: { until: number; timer: ReturnType<typeof setTimeout> } | undefined;
  let deadline = setTimeout(() => abandon(`no welcome within ${WELCOME_WITHIN_MS / 1000} s`), WELCOME_WITHIN_MS);

  function finish(): boolean {
    if (over) return false;
    over = true;
    clearTimeout(deadline);
    endProbe();
    heartbeat?.stop();
    return true;
  }

  function endProbe(): void {
    clearTimeout(probe?.timer);
    probe = undefined;
  }

  /** Ends it from here: the other side is gone or makes no sense, so a closing handshake is not waited for. */
  function abandon(why: string): void {
    if (!finish()) return;
    if (socket.terminate === undefined) socket.close();
    else socket.terminate();
    onEnd({ code: NO_CLOSE_FRAME, reason: '', why });
  }

  function send(frame: UpFrame): void {
    socket.send(JSON.stringify(frame));
  }

  function receive(data: unknown): void {
    endProbe();
    heartbeat?.arrived();
    if (typeof data === 'string') onText(data);
    const decoded = decodeDownFrame(data);
    if (over) return;
    if (!decoded.ok) {
      if (decoded.why === 'malformed') abandon('the edge sent something that is not a frame');
      return;
    }
    const { frame } = decoded;
    if (frame.type === 'welcome') {
      clearTimeout(deadline);
      heartbeat?.stop();
      heartbeat = startHeartbeat(
        frame.heartbeatMs,
        () => send({ type: 'ping' }),
        () => abandon('silent: no answer to a ping'),
      );
    }
    onFrame(frame);
  }

  // The listeners stay for as long as the socket lives: `ws` throws an `error` without a listener.
  socket.addEventListener('open', () => {
    if (over) return;
    isOpen = true;
    endProbe();
    if (positions === undefined) return;
    for (const frame of resumeFrames(positions)) send(frame);
  });
  socket.addEventListener('message', ({ data }) => {
    if (!over) receive(data);
  });
  socket.addEventListener('error', ({ message }) => {
    if (over) return;
    failure = message;
    clearTimeout(deadline);
    deadline = setTimeout(() => abandon(failure || 'the connection failed'), CLOSE_AFTER_ERROR_MS);
  });
  socket.addEventListener('close', ({ code = NO_CLOSE_FRAME, reason = '' }) => {
    if (finish()) onEnd({ code, reason, why: failure || reason || `closed with ${code}` });
  });

  return {
    probe(withinMs) {
      const until = performance.now() + withinMs;
      if (over || (probe !== undefined && probe.until <= until)) return;
      endProbe();
      probe = { until, timer: setTimeout(() => abandon(`no sign of life within ${withinMs} ms`), withinMs) };
      if (isOpen) send({ type: 'ping' });
    },
    close(code = 1000) {
      if (finish()) socket.close(code);
    },
  };
}

/** A server that announces less than this would only make the client ping without end. */
const MIN_HEARTBEAT_MS = 100;
/** A living edge pings every heartbeat: after an unanswered ping, at 2.5 heartbeats, it counts as dead. */
const ANSWER_WITHIN_HEARTBEATS = 1.5;

interface Heartbeat {
  /** Anything came: the other side lives. */
  arrived(): void;
  stop(): void;
}

/**
 * Detects silence, because a page sees neither the edge's WebSocket pings nor a connection that was cut without a close
 * frame. After one heartbeat of silence it calls `ping`, whose answer breaks the silence; after 2.5 it calls `dead`,
 * once. A machine that was suspended through both still pings first.
 */
function startHeartbeat(heartbeatMs: number, ping: () => void, dead: () => void): Heartbeat {
  const pingAfterMs = Math.max(heartbeatMs, MIN_HEARTBEAT_MS);
  let lastArrivalAt = performance.now();
  let pinged = false;
  let timer = setTimeout(look, pingAfterMs);

  // One timer that looks again when it is due; a timer reset for every message would cost more than the message.
  function look(): void {
    if (pinged) return dead();
    const silenceMs = performance.now() - lastArrivalAt;
    if (silenceMs < pingAfterMs) {
      timer = setTimeout(look, pingAfterMs - silenceMs);
      return;
    }
    pinged = true;
    ping();
    timer = setTimeout(look, pingAfterMs * ANSWER_WITHIN_HEARTBEATS);
  }

  return {
    arrived() {
      lastArrivalAt = performance.now();
      if (!pinged) return;
      pinged = false;
      clearTimeout(timer);
      timer = setTimeout(look, pingAfterMs);
    },
    stop() {
      clearTimeout(timer);
    },
  };
}
