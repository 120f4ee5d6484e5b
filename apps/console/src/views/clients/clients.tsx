import type { ViewProps } from '../view.ts';
import { ClientList } from './client-list.tsx';
import { ClientPage } from './client-page.tsx';

/** Clients, or one of them. */
export function Clients({ rest: [ref], query }: ViewProps) {
  return ref === undefined ? <ClientList sought={query['find'] ?? ''} /> : <ClientPage key={ref} reference={ref} />;
}
