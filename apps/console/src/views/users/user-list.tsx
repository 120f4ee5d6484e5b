import { useState } from 'preact/hooks';
import { listClients } from '../../api/clients.ts';
import { send } from '../../api/send.ts';
import { type User, readUsers } from '../../api/users.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { Field } from '../../components/field.tsx';
import { Page } from '../../components/page.tsx';
import { Pager, usePager } from '../../components/pager.tsx';
import { Answered, Empty, Lacks } from '../../components/states.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { count } from '../../state/format.ts';
import { may } from '../../state/rights.ts';
import { go, href } from '../../state/router.ts';
import { useAnswer } from '../../state/use-call.ts';
import { Connected } from '../clients/client-table.tsx';

const REFRESH_MS = 10_000;
/** As many as one call tells the state of. */
const CLIENTS_A_PAGE = 100;

/** Finds a user, and lists those that clients belong to. */
export function UserList() {
  const [text, setText] = useState('');
  return (
    <Page title="Users" about="People, or whatever else several clients belong to. All API keys share their names.">
      <form
        class="find-form"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          if (text !== '') go(href('users', [text]));
        }}
      >
        <Field
          label="Find a user"
          unlabelled
          type="search"
          placeholder="Name of a user"
          value={text}
          onInput={setText}
        />
        <Button type="submit">Find</Button>
      </form>
      <Card
        title="Seen among clients"
        about={`Of ${CLIENTS_A_PAGE} clients at a time, in the order of their ids`}
        flush
      >
        {may('manage') ? <SeenUsers /> : <Lacks right="manage" what="a list of clients" />}
      </Card>
    </Page>
  );
}

function SeenUsers() {
  const pages = usePager('');
  const called = useAnswer(pages.cursor ?? 'first', (signal) => usersAmong(pages.cursor, signal), {
    every: REFRESH_MS,
  });
  return (
    <Answered called={called} rows={5}>
      {({ users, next }) => (
        <>
          {users.length === 0 ? (
            <Empty title={next === null ? 'No client here belongs to a user.' : 'None of these clients has a user.'}>
              A backend names the user when it registers a client: <code>{'{"user": "ann"}'}</code>. A token names it in{' '}
              <code>sub</code>.
            </Empty>
          ) : (
            <Table caption="Users" columns={COLUMNS} rows={users} keyOf={({ user }) => user} />
          )}
          <Pager pages={pages} next={next} what="users" />
        </>
      )}
    </Answered>
  );
}

async function usersAmong(cursor: string | undefined, signal: AbortSignal) {
  const { clients, cursor: next } = await send(listClients({ cursor, limit: CLIENTS_A_PAGE }), { signal });
  const names = [...new Set(clients.flatMap(({ user }) => user ?? []))].toSorted();
  const { users } = names.length === 0 ? { users: [] } : await send(readUsers(names), { signal });
  return { users, next };
}

const COLUMNS: readonly Column<User>[] = [
  { name: 'User', cell: ({ user }) => <a href={href('users', [user])}>{user}</a> },
  { name: 'State', cell: ({ connected }) => <Connected connected={connected} /> },
  { name: 'Clients', numeric: true, cell: ({ clients }) => count(clients) },
  { name: 'Connections', numeric: true, cell: ({ connections }) => count(connections) },
];
