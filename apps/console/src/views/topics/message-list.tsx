import { useMemo, useState } from 'preact/hooks';
import { Copy } from '../../components/copy.tsx';
import { clock, date, milliseconds, timeOf } from '../../state/format.ts';
import { printed } from '../../state/exact-json.ts';

export interface ShownMessage {
  readonly id: string;
  readonly data: unknown;
  /** Of one that was seen arriving, in milliseconds. */
  readonly latencyMs?: number;
}

interface MessageListProps {
  /** For screen readers. */
  readonly label: string;
  readonly messages: readonly ShownMessage[];
}

/** Messages, one line each; opened, the data over several lines and the id. */
export function MessageList({ label, messages }: MessageListProps) {
  return (
    <ul class="messages" aria-label={label}>
      {messages.map((message) => (
        <Message key={message.id} message={message} />
      ))}
    </ul>
  );
}

/** Enough for the widest screen; the whole is printed when it is opened. */
const LINE_CHARACTERS = 300;

function Message({ message }: { readonly message: ShownMessage }) {
  const { id, data, latencyMs } = message;
  // Of hundreds hardly any is opened.
  const [open, setOpen] = useState(false);
  const line = useMemo(() => printed(data).slice(0, LINE_CHARACTERS), [message]);
  const ms = timeOf(id);
  return (
    <li>
      <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary>
          <time dateTime={new Date(ms).toISOString()}>{clock(ms)}</time>
          <code>{line}</code>
          {latencyMs !== undefined && <span class="hint">{milliseconds(latencyMs)}</span>}
        </summary>
        {open && <Opened message={message} />}
      </details>
    </li>
  );
}

function Opened({ message: { id, data } }: { readonly message: ShownMessage }) {
  const text = printed(data, { pretty: true });
  return (
    <div class="message-opened">
      <p class="hint row">
        <span>
          <span class="mono">{id}</span>
          <Copy text={id} what="the id" />
        </span>
        <span>{date(timeOf(id))}</span>
        <span>
          data
          <Copy text={text} what="the data" />
        </span>
      </p>
      <pre>{text}</pre>
    </div>
  );
}

/** Whether a message has the text in its id or its data; '' is in each. */
export function contains({ id, data }: ShownMessage, text: string): boolean {
  const wanted = text.toLowerCase();
  return wanted === '' || id.includes(wanted) || printed(data).toLowerCase().includes(wanted);
}
