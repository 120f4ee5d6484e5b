import { useState } from 'preact/hooks';
import { disconnectUser, publishToUser, revokeUser } from '../../api/users.ts';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { Field } from '../../components/field.tsx';
import { toast } from '../../components/toast.tsx';
import { count } from '../../state/format.ts';
import { GRANT, may } from '../../state/rights.ts';
import { ownKey } from '../../state/session.ts';

interface UserActionsProps {
  readonly user: string;
  readonly onChange: () => void;
}

/** Sends a message to a user, ends its connections, and its tokens. */
export function UserActions({ user, onChange }: UserActionsProps) {
  const lacks = may('manage') ? undefined : `It takes ${GRANT.manage}`;
  const whose = may('manage all') ? 'of all API keys' : 'of this API key';
  return (
    <>
      <SendButton user={user} />
      <ConfirmButton
        action="Disconnect"
        question={`Disconnect ${user}?`}
        request={disconnectUser(user)}
        lacks={lacks}
        onDone={({ connections }) => {
          toast(`Connections of ${user} being closed: ${count(connections)}`);
          onChange();
        }}
      >
        <p>Connections of its clients {whose} are closed with 4403. The clients stay, and may connect again at once.</p>
      </ConfirmButton>
      <RevokeButton user={user} whose={whose} lacks={lacks} onDone={onChange} />
    </>
  );
}

function SendButton({ user }: { readonly user: string }) {
  const [json, setJson] = useState('{"text": "Hello"}');
  const publish = ownKey.value?.can.publish ?? [];
  const permitted = publish.includes('@users') || publish.includes('**');
  return (
    <ConfirmButton
      action="Send a message"
      confirmWith="Send"
      kind="plain"
      question={`Send a message to ${user}`}
      request={publishToUser(user, json)}
      lacks={permitted ? undefined : 'It takes "publish": ["@users"]'}
      onDone={({ id }) => toast(`Sent as ${id}`)}
    >
      <p>
        It arrives on every connection of the user, as topic <code>@user</code>, and waits for those that are offline.
      </p>
      <Field
        label="Message"
        hint="Any JSON; it arrives byte for byte"
        value={json}
        onInput={setJson}
        error={isJson(json) ? null : 'This is not JSON'}
        lines={4}
        autoFocus
        mono
        required
      />
    </ConfirmButton>
  );
}

interface RevokeButtonProps {
  readonly user: string;
  readonly whose: string;
  readonly lacks: string | undefined;
  readonly onDone: () => void;
}

function RevokeButton({ user, whose, lacks, onDone }: RevokeButtonProps) {
  const [before, setBefore] = useState('');
  return (
    <ConfirmButton
      action="Revoke tokens"
      question={`Revoke the tokens of ${user}?`}
      request={revokeUser(user, before === '' ? undefined : new Date(before).toISOString())}
      lacks={lacks}
      onDone={({ clients }) => {
        toast(`Revoked; clients whose authorization ended: ${count(clients)}`);
        onDone();
      }}
    >
      <p>
        Tokens {whose} that were issued until then are refused, and connections that came with one are closed with 4401.
        This cannot be taken back: the user needs a new token. Clients that a backend registered stay.
      </p>
      <Field
        label="Issued before"
        type="datetime-local"
        value={before}
        onInput={setBefore}
        hint="In the time zone of this browser; empty is now"
      />
    </ConfirmButton>
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
