import { listClients } from '../../api/clients.ts';
import { Card } from '../../components/card.tsx';
import { Page } from '../../components/page.tsx';
import { Pager, usePager } from '../../components/pager.tsx';
import { Answered, Empty } from '../../components/states.tsx';
import { href } from '../../state/router.ts';
import { useCall } from '../../state/use-call.ts';
import { ClientTable } from './client-table.tsx';
import { FindClient } from './find-client.tsx';

const REFRESH_MS = 10_000;

/** All clients page by page, or those that have a name or a user. */
export function ClientList({ sought }: { readonly sought: string }) {
  return (
    <Page title="Clients" about="All that are registered, connected or not. People and logs name them by their ref.">
      <FindClient key={sought} sought={sought} />
      {sought === '' ? <AllClients /> : <Found sought={sought} />}
    </Page>
  );
}

function AllClients() {
  const pages = usePager('');
  const called = useCall(listClients({ cursor: pages.cursor }), { every: REFRESH_MS });
  return (
    <Card title="Registered" about="In the order of their ids" flush>
      <Answered called={called} rows={8}>
        {({ clients, cursor }) =>
          clients.length === 0 && pages.number === 1 ? (
            <Empty title="No client is registered.">
              A backend registers one for each device: <code>POST /v1/clients</code>. A browser with a token registers
              itself.
            </Empty>
          ) : (
            <>
              <ClientTable caption="Registered clients" clients={clients} />
              <Pager pages={pages} next={cursor} what="clients" />
            </>
          )
        }
      </Answered>
    </Card>
  );
}

/** A text may be a name and a user at once. */
function Found({ sought }: { readonly sought: string }) {
  const pages = usePager(sought);
  const named = useCall(listClients({ name: sought }));
  const ofUser = useCall(listClients({ user: sought, cursor: pages.cursor }), { every: REFRESH_MS });
  const all = <a href={href('clients')}>Show all</a>;
  return (
    <>
      <Card title={`Named “${sought}”`} about="Of this API key: names are unique within a key" actions={all} flush>
        <Answered called={named} rows={1}>
          {({ clients }) =>
            clients.length === 0 ? (
              <Empty title="No client of this API key has that name." />
            ) : (
              <ClientTable caption={`Clients named ${sought}`} clients={clients} />
            )
          }
        </Answered>
      </Card>
      <Card title={`Of user “${sought}”`} actions={<a href={href('users', [sought])}>The user</a>} flush>
        <Answered called={ofUser} rows={3}>
          {({ clients, cursor }) =>
            clients.length === 0 && pages.number === 1 ? (
              <Empty title="No client belongs to a user of that name." />
            ) : (
              <>
                <ClientTable caption={`Clients of user ${sought}`} clients={clients} ofUser />
                <Pager pages={pages} next={cursor} what="clients" />
              </>
            )
          }
        </Answered>
      </Card>
    </>
  );
}
