import { useState } from 'preact/hooks';
import { type CallError, toCallError } from '../api/call-error.ts';
import type { Request } from '../api/request.ts';
import { send } from '../api/send.ts';

export interface Action<Answer> {
  readonly busy: boolean;
  /** Why the last try failed; null when it did not. */
  readonly error: CallError | null;
  /** Sends a changing call. Gives the answer, or undefined when it failed: `error` then says why. */
  readonly run: (request: Request<Answer>) => Promise<Answer | undefined>;
  readonly reset: () => void;
}

export function useAction<Answer>(): Action<Answer> {
  const [state, setState] = useState<{ busy: boolean; error: CallError | null }>({ busy: false, error: null });
  const run = async (request: Request<Answer>): Promise<Answer | undefined> => {
    setState({ busy: true, error: null });
    try {
      const answer = await send(request);
      setState({ busy: false, error: null });
      return answer;
    } catch (error) {
      setState({ busy: false, error: toCallError(error) });
      return undefined;
    }
  };
  return { ...state, run, reset: () => setState({ busy: false, error: null }) };
}
