/**
 * A Ctrl-C reaches us under npm twice: from the terminal, and a moment later from npm, which passes it on. Nobody
 * presses it twice within this time.
 */
const ECHO_MS = 500;

interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
}

export interface StopRequest {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** Asks from inside. */
  readonly ask: () => void;
  /** Signals are Node's again. */
  readonly forget: () => void;
}

/** Listens for Ctrl-C, SIGTERM and a terminal that is closed. Asked a second time, by a person, it calls `force`. */
export function stopRequest(source: SignalSource, force: () => void, now = () => performance.now()): StopRequest {
  const asked = new AbortController();
  let askedAt = 0;
  const ask = () => {
    if (!asked.signal.aborted) {
      askedAt = now();
      asked.abort();
    } else if (now() - askedAt > ECHO_MS) force();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) source.on(signal, ask);
  return {
    signal: asked.signal,
    ask,
    forget: () => {
      for (const signal of signals) source.off(signal, ask);
    },
  };
}
