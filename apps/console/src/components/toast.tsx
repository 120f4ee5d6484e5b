import { signal } from '@preact/signals';
import { Icon } from './icon.tsx';

type Kind = 'ok' | 'fail';

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly kind: Kind;
}

/** Long enough to be read; what failed also stands where it was tried. */
const SHOWN_MS = 6_000;
const toasts = signal<readonly Toast[]>([]);
let lastId = 0;

/** Says what was done, for a moment, also to screen readers. */
export function toast(text: string, kind: Kind = 'ok'): void {
  const id = ++lastId;
  toasts.value = [...toasts.peek().slice(-2), { id, text, kind }];
  setTimeout(() => dismiss(id), SHOWN_MS);
}

function dismiss(id: number): void {
  toasts.value = toasts.peek().filter((shown) => shown.id !== id);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, kind }) => (
        <div key={id} class={`toast ${kind}`}>
          <Icon name={kind} />
          <span>{text}</span>
          <button type="button" class="copy" aria-label="Dismiss" onClick={() => dismiss(id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
