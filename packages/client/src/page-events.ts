/** What a browser reports that a connection should not wait for its timers to find out. */
export type PageEvent =
  /** The machine has a network again, or another one. */
  | 'online'
  /** It has none; a connection to the machine itself goes on. */
  | 'offline'
  /** The page is looked at again, or comes back from the back/forward cache: its timers may have stood still. */
  | 'shown';

interface Target {
  addEventListener(type: string, listener: () => void): void;
  removeEventListener(type: string, listener: () => void): void;
}

/** What a page has of this, a worker in part, and Node not at all. */
type Scope = Pick<typeof globalThis, 'performance'> & Partial<Target & { document: PageDocument }>;

interface PageDocument extends Target {
  visibilityState: string;
}

/** Calls `on` for each event, and returns what stops that. Without effect where there is no page or worker, as in Node. */
export function watchPage(on: (event: PageEvent) => void): () => void {
  const scope: Scope = globalThis;
  const stops: (() => void)[] = [];
  function listen(target: Partial<Target> | undefined, type: string, listener: () => void): void {
    if (target?.addEventListener === undefined) return;
    target.addEventListener(type, listener);
    stops.push(() => target.removeEventListener?.(type, listener));
  }
  listen(scope, 'online', () => on('online'));
  listen(scope, 'offline', () => on('offline'));
  listen(scope, 'pageshow', () => on('shown'));
  listen(scope.document, 'visibilitychange', () => {
    if (scope.document?.visibilityState === 'visible') on('shown');
  });
  return () => {
    for (const stop of stops.splice(0)) stop();
  };
}
