import { type HoldfastClient, connect } from '@holdfast/client/connect';
import type { Closed } from '@holdfast/client/events';
import { type CallError, toCallError } from '../../api/call-error.ts';
import { type Registration, unregister } from '../../api/clients.ts';
import { send, sendOnLeave } from '../../api/send.ts';
import { parseExactly } from '../../state/exact-json.ts';
import { timeOf } from '../../state/format.ts';
import type { ShownMessage } from './shown-message.ts';

export type WatchState =
  | { readonly kind: 'registering' }
  | { readonly kind: 'connecting'; readonly url: string }
  | { readonly kind: 'live'; readonly url: string }
  /** Between two attempts. `everLive`: it was connected before. */
  | { readonly kind: 'waiting'; readonly url: string; readonly why: string; readonly everLive: boolean }
  | { readonly kind: 'ended'; readonly closed: Closed }
  /** It could not be registered. */
  | { readonly kind: 'failed'; readonly error: CallError };

interface Watching {
  readonly onState: (state: WatchState) => void;
  readonly onMessage: (message: ShownMessage) => void;
  /** Messages after `after`, up to `position`, are gone for good. */
  readonly onLost: (after: string, position: string) => void;
}

/**
 * Watches a topic as any client does: registers one of minutes, connects it to an edge, and unregisters it when the
 * returned function is called or the page is left.
 */
export function watch(topic: string, request: Registration, { onState, onMessage, onLost }: Watching): () => void {
  const stopped = new AbortController();
  /** Of the client at work; another one begins when the page comes back. */
  let current = new AbortController();
  let registered: string | null = null;
  const start = async (): Promise<void> => {
    current = new AbortController();
    const { signal } = current;
    onState({ kind: 'registering' });
    try {
      const { clientId, connect: addresses } = await send(request);
      // It was left meanwhile.
      if (signal.aborted) return sendOnLeave(unregister(clientId));
      registered = clientId;
      const client = connect({
        clientId,
        url: addresses.url,
        urls: addresses.urls,
        controlUrl: new URL('.', location.href).href,
        credential: 'subprotocol',
        signal,
      });
      follow(client, signal);
    } catch (error) {
      if (!signal.aborted) onState({ kind: 'failed', error: toCallError(error) });
    }
  };
  const follow = (client: HoldfastClient, signal: AbortSignal): void => {
    let url = '';
    let everLive = false;
    client.on('state', (change) => {
      if (change.state === 'connecting') {
        url = change.url;
        if (!everLive) onState({ kind: 'connecting', url });
      } else if (change.state === 'open') {
        everLive = true;
        onState({ kind: 'live', url });
      } else if (change.state === 'waiting') {
        onState({ kind: 'waiting', url, why: change.why, everLive });
      }
    });
    // Of the frame, whose text has numbers as they were published.
    let text = '';
    client.on('frame', (frame) => (text = frame));
    client.on('message', ({ topic: from, id }) => {
      if (from !== topic) return;
      const { data } = parseExactly(text) as { data: unknown };
      onMessage({ id, data, latencyMs: Math.max(0, Date.now() - timeOf(id)) });
    });
    client.on('lost', ({ after, position }) => onLost(after, position));
    client.on('closed', (closed) => {
      if (!signal.aborted) onState({ kind: 'ended', closed });
    });
  };
  const leave = (): void => {
    current.abort();
    if (registered !== null) sendOnLeave(unregister(registered));
    registered = null;
  };
  // A page that is kept for a step back comes back without its client.
  addEventListener('pagehide', leave, { signal: stopped.signal });
  addEventListener('pageshow', ({ persisted }) => persisted && void start(), { signal: stopped.signal });
  void start();
  return () => {
    stopped.abort();
    leave();
  };
}
