import type { ConnectOptions, HoldfastClient, StateChange } from '@holdfast/client';
import {
  type ReactElement,
  type ReactNode,
  createContext,
  createElement,
  useCallback,
  useContext,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react';
import { ClientLease } from './client-lease.ts';

/** Undefined outside of a provider; null where there is no client yet, and on a server. */
const ClientContext = createContext<HoldfastClient | null | undefined>(undefined);

export type HoldfastProviderProps = { children?: ReactNode } & (
  | {
      /**
       * Those of `connect`, as they are when the provider mounts. It connects then, and closes when it unmounts. For
       * another user give the provider another `key`.
       */
      options: ConnectOptions;
      client?: undefined;
    }
  | {
      /** A client that the application made and closes itself. */
      client: HoldfastClient;
      options?: undefined;
    }
);

/** Gives one client to all below it. On a server it connects nothing. */
export function HoldfastProvider({ options, client, children }: HoldfastProviderProps): ReactElement {
  const [own, setOwn] = useState<HoldfastClient | null>(null);
  const lease = useRef<ClientLease>(undefined);
  const first = useRef(options);
  const isOwn = client === undefined;
  useEffect(() => {
    if (!isOwn || first.current === undefined) return undefined;
    lease.current ??= new ClientLease(first.current);
    const { current } = lease;
    setOwn(current.take());
    return () => current.release();
  }, [isOwn]);
  return createElement(ClientContext.Provider, { value: client ?? own }, children);
}

/** The client: null in the first render, and on a server. Raises an Error outside of a HoldfastProvider. */
export function useHoldfast(): HoldfastClient | null {
  const client = useContext(ClientContext);
  if (client === undefined) throw new Error('there is no HoldfastProvider above this component');
  return client;
}

/** Whether the client is connected; `connecting` in the first render, and on a server. */
export function useConnectionState(): StateChange['state'] {
  const client = useHoldfast();
  const subscribe = useCallback((notify: () => void) => client?.on('state', notify) ?? nothing, [client]);
  return useSyncExternalStore(
    subscribe,
    () => client?.state ?? 'connecting',
    () => 'connecting',
  );
}

function nothing(): void {
  // There is no client to leave.
}
