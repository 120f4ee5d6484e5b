import { signal } from '@preact/signals';

const IN_FRAGMENT = /^#key=([^&]+)/;

/** The API key that calls are tried with; '' is none. In memory only: a reload forgets it. */
export const key = signal('');

/** Takes the key that a link brings out of the address, so that no history and no screenshot has it. */
export function takeKeyFromAddress(): void {
  const [, given] = IN_FRAGMENT.exec(location.hash) ?? [];
  if (given === undefined) return;
  try {
    key.value = decodeURIComponent(given);
  } catch {
    // Not percent-encoded as it should be: it is no key, and the page asks for one.
  }
  history.replaceState(null, '', location.pathname + location.search);
}
