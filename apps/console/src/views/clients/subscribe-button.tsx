import { useState } from 'preact/hooks';
import { subscribeClient } from '../../api/clients.ts';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { Field } from '../../components/field.tsx';
import { toast } from '../../components/toast.tsx';

export const NEEDS_ID = 'Takes the UUID of the client: find it by that';

interface SubscribeButtonProps {
  /** Undefined when it is not known: the call takes no ref. */
  readonly clientId: string | undefined;
  readonly onDone: () => void;
}

/** Asks for topics, and subscribes a client to them. */
export function SubscribeButton({ clientId, onDone }: SubscribeButtonProps) {
  const [text, setText] = useState('');
  const topics = text.split(/[\s,]+/).filter((topic) => topic !== '');
  return (
    <ConfirmButton
      action="Subscribe"
      kind="plain"
      question="Subscribe to topics"
      request={subscribeClient(clientId ?? '', topics)}
      lacks={clientId === undefined ? NEEDS_ID : undefined}
      onDone={() => {
        toast(`Subscribed to ${topics.join(', ')}`);
        setText('');
        onDone();
      }}
    >
      <p>To all of them or to none, by the rights of the client. Messages from then on arrive.</p>
      <Field
        label="Topics"
        value={text}
        onInput={setText}
        placeholder="news.sport, news.world"
        hint="With commas between them"
        mono
        required
        autoFocus
      />
    </ConfirmButton>
  );
}
