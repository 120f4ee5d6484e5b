/**
 * A Ctrl-C arrives under npm twice: from the terminal, and a moment later from npm, which passes it on. No person
 * presses it twice within this time.
 */
const ECHO_MS = 500;

interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
}

/**
 * Gives a signal that a Ctrl-C, a SIGTERM or a closed terminal aborts; `onFirst` is called then, and `force` when a
 * person asks a second time.
 */
export function interruption(
  source: SignalSource,
  onFirst: () => void,
  force: () => void,
  now: () => number = () => performance.now(),
): AbortSignal {
  const interrupted = new AbortController();
  let interruptedAt = 0;
  const onSignal = () => {
    if (interrupted.signal.aborted) {
      if (now() - interruptedAt > ECHO_MS) force();
      return;
    }
    interruptedAt = now();
    onFirst();
    interrupted.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) source.on(signal, onSignal);
  return interrupted.signal;
}
