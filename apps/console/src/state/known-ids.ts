import { signal } from '@preact/signals';

/**
 * UUIDs of clients that were typed in, by ref: calls that take no ref need them, and control-api does not give those of
 * other keys' clients. They are credentials, so that they stay in this page's memory, and never stand in its address.
 */
const known = signal<ReadonlyMap<string, string>>(new Map());

export function rememberId(ref: string, clientId: string): void {
  known.value = new Map(known.peek()).set(ref, clientId);
}

export function knownId(ref: string): string | undefined {
  return known.value.get(ref);
}
