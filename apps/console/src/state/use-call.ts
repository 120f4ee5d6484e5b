import { useEffect, useRef, useState } from 'preact/hooks';
import { type CallError, toCallError } from '../api/call-error.ts';
import { type Request, targetOf } from '../api/request.ts';
import { type SendOptions, send } from '../api/send.ts';

export interface Called<Answer> {
  /** The last answer: it stays while a newer one is awaited, and when that one fails. Undefined: none yet. */
  readonly data: Answer | undefined;
  /** Why the last call failed; null when it did not. */
  readonly error: CallError | null;
  /** Calls again. */
  readonly reload: () => void;
}

interface UseCallOptions extends Pick<SendOptions, 'parse'> {
  /** Calls again after so long, in milliseconds, while the page is seen. */
  readonly every?: number;
}

/** The answer to a reading call. Another request starts anew; null asks nothing. */
export function useCall<Answer>(request: Request<Answer> | null, options: UseCallOptions = {}): Called<Answer> {
  const { every, parse } = options;
  const target = request === null ? null : targetOf(request);
  const [round, setRound] = useState(0);
  const [state, setState] = useState<{ target: string | null; data: Answer | undefined; error: CallError | null }>({
    target,
    data: undefined,
    error: null,
  });
  const latest = useRef(request);
  latest.current = request;

  useEffect(() => {
    const asked = latest.current;
    if (asked === null) return undefined;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = (): void => {
      if (every !== undefined) timer = setTimeout(() => (document.hidden ? again() : setRound((n) => n + 1)), every);
    };
    const { signal } = abort;
    const ask = async (): Promise<void> => {
      try {
        const data = await send(asked, { signal, ...(parse === undefined ? {} : { parse }) });
        setState({ target, data, error: null });
      } catch (error) {
        if (signal.aborted) return;
        setState((before) => ({
          target,
          data: before.target === target ? before.data : undefined,
          error: toCallError(error),
        }));
      }
      again();
    };
    void ask();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [target, round, every, parse]);

  const { data, error } = state.target === target ? state : { data: undefined, error: null };
  return { data, error, reload: () => setRound((n) => n + 1) };
}
