import { useConnectionState, usePresence, useSubscription, useTopic } from '@holdfast/react';
import { type SubmitEvent, useEffect, useRef, useState } from 'react';
import { send } from './backend.ts';
import { useHistory } from './use-history.ts';

interface ChatMessage {
  readonly from: string;
  readonly text: string;
}

/** Subscribed while it is shown: leaving the room unsubscribes, and presence of the others follows. */
export function Room({ room, controlUrl, user }: { room: string; controlUrl: string; user: string }) {
  const topic = `chat.${room}`;
  const state = useConnectionState();
  const { isSubscribed, error } = useSubscription(topic);
  const { messages, lost } = useTopic(topic);
  const { members, isKnown } = usePresence(topic);
  const isLive = isSubscribed && state === 'open';
  // What was written before comes from the topic's history; what comes live may be in it already.
  const earlier = useHistory(controlUrl, topic, isLive);
  const ids = new Set(earlier.map(({ id }) => id));
  const lines = [...earlier, ...messages.filter(({ id }) => !ids.has(id))];
  const log = useRef<HTMLDivElement>(null);
  useEffect(() => {
    log.current?.scrollTo(0, log.current.scrollHeight);
  }, [lines.length]);
  return (
    <main>
      <div className="row">
        <h2># {room}</h2>
        <p role="status" className="help">
          {error?.message ?? (isLive ? 'Connected' : 'Connecting …')}
        </p>
      </div>
      <p className="members">
        <span className="help">Here now: </span>
        {isKnown && members.map(({ id }) => <span key={id}>{id}</span>)}
      </p>
      {lost !== null && <p role="alert">Some messages are gone from the history.</p>}
      <div ref={log} role="log" aria-label={`Messages in ${room}`} tabIndex={0}>
        <ol>
          {lines.map(({ id, data }) => {
            const { from, text } = data as ChatMessage;
            return (
              <li key={id} className={from === user ? 'own' : undefined}>
                <b>{from}</b> {text}
              </li>
            );
          })}
        </ol>
      </div>
      <Composer room={room} />
    </main>
  );
}

/** A changed text is another message: the same id with another body would be refused. */
const draftOf = (text: string) => ({ text, id: crypto.randomUUID() });

function Composer({ room }: { room: string }) {
  const [draft, setDraft] = useState(() => draftOf(''));
  const [fault, setFault] = useState('');
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    // The same id until the text changes: sent again, because the answer was lost, it is published once.
    try {
      await send(room, draft.text, draft.id);
      setFault('');
      setDraft((now) => (now === draft ? draftOf('') : now)); // what was typed meanwhile stays
    } catch (error) {
      setFault(String(error));
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      <label htmlFor="text">Message</label>
      <div className="row">
        <input
          id="text"
          value={draft.text}
          onChange={({ target }) => setDraft(draftOf(target.value))}
          required
          maxLength={2000}
          autoComplete="off"
        />
        <button>Send</button>
      </div>
      {fault !== '' && <p role="alert">{fault}</p>}
    </form>
  );
}
