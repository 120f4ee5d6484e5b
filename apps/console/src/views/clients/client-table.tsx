import type { ClientSummary } from '../../api/clients.ts';
import { Badge } from '../../components/facts.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { count } from '../../state/format.ts';
import { href } from '../../state/router.ts';

const TOPICS_SHOWN = 3;

const CLIENT: Column<ClientSummary> = {
  name: 'Client',
  cell: ({ ref, name }) => (
    <span class="two-lines">
      <a class="mono" href={href('clients', [ref])}>
        {ref}
      </a>
      {name !== null && <span class="hint">{name}</span>}
    </span>
  ),
};

const USER: Column<ClientSummary> = {
  name: 'User',
  cell: ({ user }) => user !== null && <a href={href('users', [user])}>{user}</a>,
};

const REST: readonly Column<ClientSummary>[] = [
  { name: 'State', cell: ({ connected }) => <Connected connected={connected} /> },
  { name: 'Topics', cell: ({ topics }) => topicsText(topics) },
  { name: 'API key', cell: ({ key }) => <span class="mono">{key}</span> },
];

interface ClientTableProps {
  readonly caption: string;
  readonly clients: readonly ClientSummary[];
  /** They are all of one user, who need not be named. */
  readonly ofUser?: boolean;
}

export function ClientTable({ caption, clients, ofUser = false }: ClientTableProps) {
  const columns = ofUser ? [CLIENT, ...REST] : [CLIENT, USER, ...REST];
  return <Table caption={caption} columns={columns} rows={clients} keyOf={({ ref }) => ref} />;
}

export function Connected({ connected }: { readonly connected: boolean }) {
  return connected ? <Badge kind="ok">Connected</Badge> : <Badge kind="plain">Offline</Badge>;
}

function topicsText(topics: readonly string[]) {
  if (topics.length === 0) return <span class="hint">none</span>;
  const more = topics.length - TOPICS_SHOWN;
  return (
    <span class="topics">
      {topics.slice(0, TOPICS_SHOWN).join(', ')}
      {more > 0 && <span class="hint"> and {count(more)} more</span>}
    </span>
  );
}
