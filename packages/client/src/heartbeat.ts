/** A server that announces less than this would only make the client ping without end. */
const SHORTEST_MS = 100;
/** The edge pings every heartbeat and lives: one unanswered question later, at 2.5 heartbeats, nobody is there. */
const ANSWER_WITHIN_HEARTBEATS = 1.5;

export interface Heartbeat {
  /** Anything came: the other side lives. */
  arrived(): void;
  stop(): void;
}

/**
 * Watches for silence, because a page sees neither the edge's WebSocket pings nor a connection that was cut without a
 * word. After one heartbeat of silence it calls `ping`, whose answer breaks the silence; after 2.5 it calls `dead`,
 * once. A machine that slept through both still asks first.
 */
export function startHeartbeat(heartbeatMs: number, ping: () => void, dead: () => void): Heartbeat {
  const pingAfterMs = Math.max(heartbeatMs, SHORTEST_MS);
  let heardAt = performance.now();
  let asked = false;
  let timer = setTimeout(look, pingAfterMs);

  // One timer that looks again when it is due; a timer reset for every message would cost more than the message.
  function look(): void {
    if (asked) return dead();
    const silenceMs = performance.now() - heardAt;
    if (silenceMs < pingAfterMs) {
      timer = setTimeout(look, pingAfterMs - silenceMs);
      return;
    }
    asked = true;
    ping();
    timer = setTimeout(look, pingAfterMs * ANSWER_WITHIN_HEARTBEATS);
  }

  return {
    arrived() {
      heardAt = performance.now();
      if (!asked) return;
      asked = false;
      clearTimeout(timer);
      timer = setTimeout(look, pingAfterMs);
    },
    stop() {
      clearTimeout(timer);
    },
  };
}
