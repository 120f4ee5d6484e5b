import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface CardProps {
  readonly title: string;
  readonly about?: ComponentChildren;
  readonly actions?: ComponentChildren;
  /** Its content reaches the border: a table. */
  readonly flush?: boolean;
  readonly children: ComponentChildren;
}

/** A section with a heading of its own. */
export function Card({ title, about, actions, flush = false, children }: CardProps) {
  const id = useId();
  return (
    <section class={flush ? 'card flush' : 'card'} aria-labelledby={id}>
      <header class="card-head">
        <h2 id={id}>{title}</h2>
        {about !== undefined && <p class="about">{about}</p>}
        {actions !== undefined && <div class="actions">{actions}</div>}
      </header>
      <div class="card-body">{children}</div>
    </section>
  );
}
