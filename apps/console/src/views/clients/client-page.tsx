import { type Client, disconnectClient, unregister } from '../../api/clients.ts';
import { Card } from '../../components/card.tsx';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { Copy } from '../../components/copy.tsx';
import { Ago, Facts, Id } from '../../components/facts.tsx';
import { Page } from '../../components/page.tsx';
import { Answered } from '../../components/states.tsx';
import { toast } from '../../components/toast.tsx';
import { printed } from '../../state/exact-json.ts';
import { UNKNOWN, date, duration } from '../../state/format.ts';
import { knownId } from '../../state/known-ids.ts';
import { GRANT, may } from '../../state/rights.ts';
import { go, href } from '../../state/router.ts';
import { ownKey } from '../../state/session.ts';
import { Connected } from './client-table.tsx';
import { PastConnections } from './past-connections.tsx';
import { Subscriptions } from './subscriptions.tsx';
import { useClient } from './use-client.ts';

const ABOVE = { title: 'Clients', href: href('clients') };

/** One client: where it is connected, what it gets, and what can be done about it. */
export function ClientPage({ reference }: { readonly reference: string }) {
  const called = useClient(reference);
  const client = called.data?.client;
  return (
    <Page
      title={client?.name ?? `Client ${reference}`}
      above={ABOVE}
      about={client && <Id copy>{client.ref}</Id>}
      actions={client && <Actions client={client} onChange={called.reload} />}
    >
      <Answered called={called} rows={6}>
        {(seen) => (
          <>
            <Card title="State">
              <Facts facts={factsOf(seen.client)} />
            </Card>
            <Subscriptions {...seen} onChange={called.reload} />
            {manages(seen.client) && <PastConnections client={seen.client} />}
            <Identity client={seen.client} />
          </>
        )}
      </Answered>
    </Page>
  );
}

function Actions({ client, onChange }: { readonly client: Client; readonly onChange: () => void }) {
  const { ref, name, connected } = client;
  const lacks = manages(client) ? undefined : `It is a client of another key: this takes ${GRANT['manage all']}`;
  const who = name ?? ref;
  return (
    <>
      <a class="button" href={href('explain', [], { client: ref })}>
        Explain a message
      </a>
      <ConfirmButton
        action="Disconnect"
        question={`Disconnect ${who}?`}
        request={disconnectClient(ref)}
        lacks={lacks ?? (connected ? undefined : 'It is not connected')}
        onDone={() => {
          toast(`${who} is being disconnected`);
          onChange();
        }}
      >
        <p>
          Its connection is closed with 4403. It stays registered with its subscriptions, and may connect again at once.
        </p>
      </ConfirmButton>
      <ConfirmButton
        action="Unregister"
        question={`Unregister ${who}?`}
        request={unregister(ref)}
        lacks={lacks}
        onDone={() => {
          toast(`${who} is unregistered`);
          go(href('clients'), { replace: true });
        }}
      >
        <p>
          It is removed with its subscriptions and the messages that are kept for it. A connection is closed with 4410,
          and its UUID is worth nothing from then on. This cannot be undone.
        </p>
      </ConfirmButton>
    </>
  );
}

/** Whether the key may change it: a key manages its own clients, or with all topics all clients. */
function manages({ key }: Client): boolean {
  return key === ownKey.value?.id || may('manage all');
}

function factsOf(client: Client) {
  const { connected, since, edge, connection, user, key, registeredAt, clientExpirySeconds, expiresAt } = client;
  const clientId = client.clientId ?? knownId(client.ref);
  return [
    ['State', <Connected key="state" connected={connected} />],
    [connected ? 'Connected for' : 'Offline for', since === null ? UNKNOWN : <Ago key="since" at={since} />],
    [
      'Edge',
      edge === null ? (
        UNKNOWN
      ) : (
        <a key="edge" class="mono" href={href('edges', [edge])}>
          {edge}
        </a>
      ),
    ],
    ['Connection', connection === null ? UNKNOWN : <Id key="connection">{connection}</Id>],
    [
      'User',
      user === null ? (
        <span class="hint">none</span>
      ) : (
        <a key="user" href={href('users', [user])}>
          {user}
        </a>
      ),
    ],
    ['API key', <Id key="key">{key}</Id>],
    ['Registered', date(Date.parse(registeredAt))],
    ['Forgotten when offline for', clientExpirySeconds === null ? 'never' : duration(clientExpirySeconds)],
    ['Authorized until', expiresAt === null ? <span class="hint">no end</span> : date(Date.parse(expiresAt))],
    [
      'UUID',
      clientId === undefined ? (
        <span class="hint">only for its own API key</span>
      ) : (
        <span key="id" class="id">
          <span class="hint">hidden</span>
          <Copy text={clientId} what="the UUID of the client" />
        </span>
      ),
    ],
  ] as const;
}

/** What its backend said of it. */
function Identity({ client: { info, may: rights } }: { readonly client: Client }) {
  if (info === null && rights === null) return null;
  return (
    <div class="halves">
      {info !== null && (
        <Card title="Info" about="What others see of it">
          <pre tabIndex={0}>{printed(info, { pretty: true })}</pre>
        </Card>
      )}
      {rights !== null && (
        <Card title="Rights" about="What it may do by itself, within those of its API key">
          <pre tabIndex={0}>{printed(rights, { pretty: true })}</pre>
        </Card>
      )}
    </div>
  );
}
