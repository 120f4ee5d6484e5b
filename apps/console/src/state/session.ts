import { computed, signal } from '@preact/signals';
import { CallError, toCallError } from '../api/call-error.ts';
import { type OwnKey, readOwnKey } from '../api/own-key.ts';
import { presentKey, send } from '../api/send.ts';

const STORED = 'holdfast-key';
const IN_FRAGMENT = /^#key=([^&]+)/;

export type Session =
  /** No key, or one that was refused: `refusal` says why. */
  | { readonly state: 'out'; readonly refusal: CallError | null }
  /** The key is being looked at. */
  | { readonly state: 'checking' }
  /** control-api could not say whether the key is good. */
  | { readonly state: 'unknown'; readonly key: string; readonly error: CallError }
  | { readonly state: 'in'; readonly own: OwnKey };

export const session = signal<Session>({ state: 'out', refusal: null });

/** The key that the page presents, and what it may; null while there is none. */
export const ownKey = computed<OwnKey | null>(() => (session.value.state === 'in' ? session.value.own : null));

/** Takes the key out of the address, so that no history and no screenshot has it, or else from this tab's storage. */
export function resumeSession(): void {
  const [, given] = IN_FRAGMENT.exec(location.hash) ?? [];
  if (given !== undefined) history.replaceState(null, '', location.pathname + location.search);
  const key = given === undefined ? sessionStorage.getItem(STORED) : decodeURIComponent(given);
  if (key !== null) void enter(key);
}

/** Looks at what the key may, and keeps it for this tab when it is good. */
export async function enter(key: string): Promise<void> {
  const presented = key.trim();
  // A header takes no other characters; fetch would say no more than that it failed.
  if (!/^[\x21-\x7e]+$/.test(presented)) {
    const message = 'A key is <id>.<secret>, without spaces.';
    session.value = { state: 'out', refusal: new CallError('key-unknown', message) };
    return;
  }
  session.value = { state: 'checking' };
  presentKey(presented);
  try {
    const own = await send(readOwnKey());
    sessionStorage.setItem(STORED, presented);
    session.value = { state: 'in', own };
  } catch (caught) {
    const error = toCallError(caught);
    if (error.status === 403) leave(error);
    else session.value = { state: 'unknown', key: presented, error };
  }
}

/** Forgets the key. */
export function leave(refusal: CallError | null = null): void {
  sessionStorage.removeItem(STORED);
  presentKey('');
  session.value = { state: 'out', refusal };
}
