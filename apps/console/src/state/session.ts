import { computed, signal } from '@preact/signals';
import { CallError, toCallError } from '../api/call-error.ts';
import { type OwnKey, readOwnKey } from '../api/own-key.ts';
import { presentKey, send } from '../api/send.ts';

const STORED = 'holdfast-key';
const IN_FRAGMENT = /^#key=([^&]+)/;

export type Session =
  /** No key, or one that was refused: `refusal` says why. */
  | { readonly state: 'out'; readonly refusal: CallError | null }
  /** The key is being looked at. `resumed`: it was not typed, and no form waits for it. */
  | { readonly state: 'checking'; readonly resumed: boolean }
  /** control-api could not say whether the key is good. */
  | { readonly state: 'unknown'; readonly key: string; readonly error: CallError }
  | { readonly state: 'in'; readonly own: OwnKey };

export const session = signal<Session>({ state: 'out', refusal: null });

/** The key that the page presents, and what it may; null while there is none. */
export const ownKey = computed<OwnKey | null>(() => (session.value.state === 'in' ? session.value.own : null));

/** Another key that a link brought while there is one: whether to take it is asked. Null: there is none. */
export const offeredKey = signal<string | null>(null);

/** Begins with the key of this tab's storage, or else that of the address; follows an address that brings another. */
export function resumeSession(): void {
  addEventListener('hashchange', ({ oldURL }) => {
    const given = takeFromAddress(new URL(oldURL).hash);
    if (given !== null) onKeyOfLink(given);
  });
  const held = sessionStorage.getItem(STORED);
  const given = takeFromAddress('');
  const key = held ?? given;
  if (key === null) return;
  if (given !== null && given !== key) offeredKey.value = given;
  void enter(key, { resumed: true });
}

/**
 * The key in the address; null when there is none. It is taken out, so that no history and no screenshot has it.
 * @param before the fragment that takes its place
 */
function takeFromAddress(before: string): string | null {
  const [, given] = IN_FRAGMENT.exec(location.hash) ?? [];
  if (given === undefined) return null;
  const fragment = IN_FRAGMENT.test(before) ? '' : before;
  history.replaceState(null, '', location.pathname + location.search + fragment);
  return given;
}

function onKeyOfLink(given: string): void {
  const held = sessionStorage.getItem(STORED);
  const { state } = session.peek();
  if (held === null || state === 'out' || state === 'unknown') void enter(given, { resumed: true });
  else if (given !== held) offeredKey.value = given;
}

/** Begins anew with the offered key: nothing that was seen with the other one stays. */
export function takeOfferedKey(): void {
  const key = offeredKey.peek();
  if (key === null) return;
  sessionStorage.setItem(STORED, key);
  location.reload();
}

/** Counts the keys that were looked at: an answer about one that is not the newest is dropped. */
let looks = 0;

/** Looks at what the key may, and keeps it for this tab when it is good. */
export async function enter(key: string, { resumed = false } = {}): Promise<void> {
  const look = ++looks;
  const presented = key.trim();
  // A header takes no other characters; fetch would say no more than that it failed.
  if (!/^[\x21-\x7e]+$/.test(presented)) {
    refuse(new CallError('key-unknown', 'A key is <id>.<secret>, without spaces.'));
    return;
  }
  session.value = { state: 'checking', resumed };
  presentKey(presented);
  try {
    const own = await send(readOwnKey());
    if (look !== looks) return;
    sessionStorage.setItem(STORED, presented);
    session.value = { state: 'in', own };
  } catch (caught) {
    if (look !== looks) return;
    const error = toCallError(caught);
    if (error.status === 403) refuse(error);
    else session.value = { state: 'unknown', key: presented, error };
  }
}

/** Forgets the key, and begins anew: the page knows ids of clients, which are credentials, and what it has seen. */
export function leave(): void {
  sessionStorage.removeItem(STORED);
  location.reload();
}

function refuse(refusal: CallError): void {
  sessionStorage.removeItem(STORED);
  presentKey('');
  session.value = { state: 'out', refusal };
  const { value: other } = offeredKey;
  offeredKey.value = null;
  if (other !== null) void enter(other, { resumed: true });
}
