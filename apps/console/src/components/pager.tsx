import { useState } from 'preact/hooks';
import { Button } from './button.tsx';

interface Pages {
  /** Of the page that is shown; undefined for the first one. */
  readonly cursor: string | undefined;
  readonly number: number;
  readonly next: (cursor: string) => void;
  readonly back: () => void;
}

/** Which page of a list is shown; the way back is remembered, as calls only lead forward. Another list begins anew. */
export function usePager(list: string): Pages {
  const [state, setState] = useState<{ list: string; cursors: readonly string[] }>({ list, cursors: [] });
  const cursors = state.list === list ? state.cursors : [];
  return {
    cursor: cursors.at(-1),
    number: cursors.length + 1,
    next: (cursor) => setState({ list, cursors: [...cursors, cursor] }),
    back: () => setState({ list, cursors: cursors.slice(0, -1) }),
  };
}

/** Leads to the pages before and after; nothing where there is only one. */
export function Pager({ pages, next, what }: { readonly pages: Pages; readonly next: string | null; what: string }) {
  if (pages.number === 1 && next === null) return null;
  return (
    <nav class="pager" aria-label={`Pages of ${what}`}>
      <Button disabled={pages.number === 1} onClick={pages.back}>
        Previous
      </Button>
      <span class="hint" aria-live="polite">
        Page {pages.number}
      </span>
      <Button disabled={next === null} onClick={() => next !== null && pages.next(next)}>
        Next
      </Button>
    </nav>
  );
}
