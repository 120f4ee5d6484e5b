import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';

interface PageProps {
  readonly title: string;
  /** What leads to it: a link to the page above. */
  readonly above?: { readonly title: string; readonly href: string };
  /** One sentence on what is seen here. */
  readonly about?: ComponentChildren;
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** One view: its heading, what can be done with all of it, and its cards. */
export function Page({ title, above, about, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Holdfast`;
  }, [title]);
  return (
    <div class="page">
      <header class="page-head">
        <div>
          {above && (
            <a class="above" href={above.href}>
              {above.title}
            </a>
          )}
          <h1 id="title" tabIndex={-1}>
            {title}
          </h1>
          {about !== undefined && <p class="about">{about}</p>}
        </div>
        {actions !== undefined && <div class="actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}
