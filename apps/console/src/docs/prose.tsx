import type { ComponentChildren } from 'preact';

/** Text of the document: what stands between backticks is code. */
export function Prose({ text }: { readonly text: string }): ComponentChildren {
  return text
    .split(/(`[^`]+`)/)
    .map((piece, index) =>
      piece.startsWith('`') && piece.length > 1 ? <code key={index}>{piece.slice(1, -1)}</code> : piece,
    );
}
