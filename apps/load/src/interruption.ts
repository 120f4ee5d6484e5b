/**
 * A Ctrl-C reaches us under npm twice: from the terminal, and a moment later from npm, which passes it on. Nobody
 * presses it twice within this time.
 */
const ECHO_MS = 500;

interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
}

/**
 * Gives a signal that a Ctrl-C, a SIGTERM or a closed terminal aborts, `onFirst` is told then. Asked a second time, by
 * a person, it calls `force`.
 */
export function interruption(
  source: SignalSource,
  onFirst: () => void,
  force: () => void,
  now: () => number = () => performance.now(),
): AbortSignal {
  const asked = new AbortController();
  let askedAt = 0;
  const onSignal = () => {
    if (asked.signal.aborted) {
      if (now() - askedAt > ECHO_MS) force();
      return;
    }
    askedAt = now();
    onFirst();
    asked.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) source.on(signal, onSignal);
  return asked.signal;
}
