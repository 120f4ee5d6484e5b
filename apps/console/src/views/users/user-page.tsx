import { listClients } from '../../api/clients.ts';
import { readUser } from '../../api/users.ts';
import { Card } from '../../components/card.tsx';
import { Facts } from '../../components/facts.tsx';
import { Page } from '../../components/page.tsx';
import { Pager, usePager } from '../../components/pager.tsx';
import { Answered, Empty, Lacks } from '../../components/states.tsx';
import { count } from '../../state/format.ts';
import { may } from '../../state/rights.ts';
import { href } from '../../state/router.ts';
import { useCall } from '../../state/use-call.ts';
import { ClientTable, Connected } from '../clients/client-table.tsx';
import { UserActions } from './user-actions.tsx';

const REFRESH_MS = 3_000;
const ABOVE = { title: 'Users', href: href('users') };

/** One user: whether it is connected, by which clients, and what can be done about it. */
export function UserPage({ user }: { readonly user: string }) {
  const called = useCall(readUser(user), { every: REFRESH_MS });
  return (
    <Page title={user} above={ABOVE} actions={<UserActions user={user} onChange={called.reload} />}>
      <Card title="State">
        <Answered called={called} rows={1}>
          {({ connected, clients, connections }) => (
            <Facts
              facts={[
                ['State', <Connected key="state" connected={connected} />],
                ['Clients', count(clients)],
                ['Connections', count(connections)],
              ]}
            />
          )}
        </Answered>
      </Card>
      <Card title="Clients" about="Of any API key" flush>
        {may('manage') ? <ClientsOf user={user} /> : <Lacks right="manage" what="a list of clients" />}
      </Card>
    </Page>
  );
}

function ClientsOf({ user }: { readonly user: string }) {
  const pages = usePager(user);
  const called = useCall(listClients({ user, cursor: pages.cursor }), { every: REFRESH_MS });
  return (
    <Answered called={called}>
      {({ clients, cursor }) =>
        clients.length === 0 && pages.number === 1 ? (
          <Empty title="It has no client.">
            A user is there as long as a client is registered for it. A revocation counts even so: tokens that were
            issued before it are refused.
          </Empty>
        ) : (
          <>
            <ClientTable caption={`Clients of ${user}`} clients={clients} ofUser />
            <Pager pages={pages} next={cursor} what="clients" />
          </>
        )
      }
    </Answered>
  );
}
