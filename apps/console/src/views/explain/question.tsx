import { useState } from 'preact/hooks';
import { isRef, isUuid, listClients, readClient } from '../../api/clients.ts';
import { CallError, toCallError } from '../../api/call-error.ts';
import { send } from '../../api/send.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { Field } from '../../components/field.tsx';
import { rememberId } from '../../state/known-ids.ts';
import { go, href } from '../../state/router.ts';
import { useCall } from '../../state/use-call.ts';

export interface Asked {
  /** A ref. */
  readonly client: string;
  readonly topic: string;
  readonly id: string;
}

/** As positions are written. */
const MESSAGE_ID = /^\d{1,15}-\d{1,15}$/;

/** Asks what is to be explained, and leads to the answer. */
export function Question({ asked }: { readonly asked: Asked }) {
  const [client, setClient] = useState(asked.client);
  const [topic, setTopic] = useState(asked.topic);
  const [id, setId] = useState(asked.id);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  const known = useCall(asked.client === '' ? null : readClient(asked.client)).data;
  const idFault = id !== '' && !MESSAGE_ID.test(id.trim()) ? 'An id is two numbers with a dash between them' : null;

  const ask = async (): Promise<void> => {
    if (idFault !== null) return;
    setBusy(true);
    try {
      const ref = await refOf(client.trim());
      go(href('explain', [], { client: ref, topic: topic.trim(), id: id.trim() }));
    } catch (error) {
      setFault(toCallError(error).message);
    }
    setBusy(false);
  };
  return (
    <Card title="Question">
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void ask();
        }}
      >
        <Field
          label="Client"
          value={client}
          onInput={(text) => {
            setClient(text);
            setFault(null);
          }}
          error={fault}
          hint={known?.name ?? 'Its ref, UUID, or name'}
          mono
          required
        />
        <Field
          label="Topic"
          value={topic}
          onInput={setTopic}
          suggestions={['@me', '@user', ...(known?.topics ?? [])]}
          hint="@me and @user for messages to the client, or to its user"
          mono
          required
        />
        <Field
          label="Message"
          value={id}
          onInput={setId}
          error={idFault}
          hint="Its id, such as 1795878400226-217076"
          mono
          required
        />
        <Button kind="primary" type="submit" busy={busy}>
          Explain
        </Button>
      </form>
    </Card>
  );
}

/** Of a client by its ref, UUID or name. */
async function refOf(text: string): Promise<string> {
  if (isRef(text)) return text.toLowerCase();
  if (isUuid(text)) {
    const { ref } = await send(readClient(text.toLowerCase()));
    rememberId(ref, text.toLowerCase());
    return ref;
  }
  const { clients } = await send(listClients({ name: text }));
  if (clients[0] === undefined) throw new CallError('client-not-found', 'No client of this API key has that name');
  return clients[0].ref;
}
