import type { Method } from './openapi.ts';

export function MethodBadge({ method }: { readonly method: Method }) {
  return <span class={`method ${method.toLowerCase()}`}>{method}</span>;
}

/** The path; it may break behind a slash. */
export function Path({ path }: { readonly path: string }) {
  const parts = path.split(/(?<=\/)(?=.)/);
  return (
    <code class="path">
      {parts.map((part, index) => (
        <span key={index}>
          {index > 0 && <wbr />}
          {part}
        </span>
      ))}
    </code>
  );
}
