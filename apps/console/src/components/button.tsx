import type { ComponentChildren } from 'preact';

interface ButtonProps {
  readonly children: ComponentChildren;
  /** `primary`: at most one in a form. `danger`: ends or removes something. `quiet`: without a border. */
  readonly kind?: 'primary' | 'plain' | 'danger' | 'quiet';
  /** It is being carried out: the button stays where it is, and does nothing. */
  readonly busy?: boolean;
  readonly disabled?: boolean;
  /** Why it cannot be used; it is disabled then. */
  readonly lacks?: string | undefined;
  readonly type?: 'button' | 'submit';
  /** In place of the text, where that alone does not say enough. */
  readonly label?: string;
  readonly pressed?: boolean;
  /** Has the focus when its dialog opens. */
  readonly autoFocus?: boolean;
  readonly onClick?: () => void;
}

export function Button(props: ButtonProps) {
  const { children, kind = 'plain', busy = false, disabled = false, lacks, type = 'button' } = props;
  return (
    <button
      class={`button ${kind}`}
      type={type}
      aria-label={props.label}
      aria-pressed={props.pressed}
      autoFocus={props.autoFocus}
      aria-busy={busy}
      aria-disabled={busy || disabled || lacks !== undefined}
      title={lacks}
      onClick={(event) => {
        if (busy || disabled || lacks !== undefined) event.preventDefault();
        else props.onClick?.();
      }}
    >
      {children}
    </button>
  );
}
