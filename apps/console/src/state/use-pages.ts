import { useEffect, useRef, useState } from 'preact/hooks';
import { type CallError, toCallError } from '../api/call-error.ts';
import { type Request, targetOf } from '../api/request.ts';
import { send } from '../api/send.ts';

interface Paged {
  readonly cursor: string | null;
}

export interface Pages<Answer> {
  /** In order; empty while the first is awaited. */
  readonly pages: readonly Answer[];
  readonly error: CallError | null;
  readonly busy: boolean;
  /** Reads the next page; null: there is none. */
  readonly more: (() => void) | null;
  /** Reads the first page anew. */
  readonly reload: () => void;
}

/** A list that is answered page by page. @param of gives the request for a page; its first one identifies the list */
export function usePages<Answer extends Paged>(of: (cursor?: string) => Request<Answer>): Pages<Answer> {
  const list = targetOf(of());
  const [round, setRound] = useState(0);
  const [state, setState] = useState<Pick<Pages<Answer>, 'pages' | 'error'> & { list: string }>(() => none(list));
  const [busy, setBusy] = useState(false);
  const abort = useRef<AbortController | null>(null);

  const read = async (pages: readonly Answer[]): Promise<void> => {
    abort.current?.abort();
    abort.current = new AbortController();
    const { signal } = abort.current;
    setBusy(true);
    try {
      const page = await send(of(pages.at(-1)?.cursor ?? undefined), { signal });
      setState({ list, pages: [...pages, page], error: null });
    } catch (error) {
      if (signal.aborted) return;
      // What was there stays when it could not be read anew.
      setState((before) => ({ list, pages: before.list === list ? before.pages : [], error: toCallError(error) }));
    }
    setBusy(false);
  };
  useEffect(() => {
    void read([]);
    return () => abort.current?.abort();
  }, [list, round]);

  const { pages, error } = state.list === list ? state : none<Answer>(list);
  const next = pages.at(-1)?.cursor ?? null;
  return {
    pages,
    error,
    busy,
    more: next === null ? null : () => void read(pages),
    reload: () => setRound((n) => n + 1),
  };
}

function none<Answer>(list: string): Pick<Pages<Answer>, 'pages' | 'error'> & { list: string } {
  return { list, pages: [], error: null };
}
