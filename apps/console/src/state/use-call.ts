import { useEffect, useRef, useState } from 'preact/hooks';
import { type CallError, toCallError } from '../api/call-error.ts';
import { type Request, targetOf } from '../api/request.ts';
import { type SendOptions, send } from '../api/send.ts';

export interface Called<Answer> {
  /** The last answer: it stays while a newer one is awaited, and when that one fails. Undefined: none yet. */
  readonly data: Answer | undefined;
  /** Why the last call failed; null when it did not. */
  readonly error: CallError | null;
  /** It was asked to call again, and is not answered yet. */
  readonly reloading: boolean;
  /** Calls again. */
  readonly reload: () => void;
}

interface Repeat {
  /** Calls again after so long, in milliseconds, while the page is seen. */
  readonly every?: number;
}

/** The answer to a reading call. Another request starts anew; null asks nothing. */
export function useCall<Answer>(
  request: Request<Answer> | null,
  options: Repeat & Pick<SendOptions, 'parse'> = {},
): Called<Answer> {
  const { parse } = options;
  const target = request === null ? null : targetOf(request);
  return useAnswer(
    target,
    (signal) => send(request as Request<Answer>, { signal, ...(parse === undefined ? {} : { parse }) }),
    options,
  );
}

/**
 * What several reading calls give together.
 * @param target what is asked for: another one starts anew; null asks nothing
 */
export function useAnswer<Answer>(
  target: string | null,
  ask: (signal: AbortSignal) => Promise<Answer>,
  { every }: Repeat = {},
): Called<Answer> {
  const [round, setRound] = useState(0);
  const [reloading, setReloading] = useState(false);
  const [state, setState] = useState<{ target: string | null; data: Answer | undefined; error: CallError | null }>({
    target,
    data: undefined,
    error: null,
  });
  const latest = useRef(ask);
  latest.current = ask;

  useEffect(() => {
    if (target === null) return undefined;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = (): void => {
      if (every !== undefined) timer = setTimeout(() => (document.hidden ? again() : setRound((n) => n + 1)), every);
    };
    const { signal } = abort;
    const run = async (): Promise<void> => {
      try {
        const data = await latest.current(signal);
        if (signal.aborted) return;
        setState({ target, data, error: null });
      } catch (error) {
        if (signal.aborted) return;
        setState((before) => ({
          target,
          data: before.target === target ? before.data : undefined,
          error: toCallError(error),
        }));
      }
      setReloading(false);
      again();
    };
    void run();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [target, round, every]);

  const { data, error } = state.target === target ? state : { data: undefined, error: null };
  const reload = (): void => {
    setReloading(true);
    setRound((n) => n + 1);
  };
  return { data, error, reloading, reload };
}
