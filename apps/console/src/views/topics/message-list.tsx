import { useMemo, useState } from 'preact/hooks';
import { Copy } from '../../components/copy.tsx';
import { clock, date, milliseconds, timeOf } from '../../state/format.ts';
import { may } from '../../state/rights.ts';
import { href } from '../../state/router.ts';
import { printed } from '../../state/exact-json.ts';
import type { ShownMessage } from './shown-message.ts';

interface MessageListProps {
  readonly topic: string;
  /** For screen readers. */
  readonly label: string;
  readonly messages: readonly ShownMessage[];
}

/** Messages, one line each; opened, the data over several lines and the id. */
export function MessageList({ topic, label, messages }: MessageListProps) {
  return (
    <ul class="messages" aria-label={label}>
      {messages.map((message) => (
        <Message key={message.id} topic={topic} message={message} />
      ))}
    </ul>
  );
}

/** Enough for the widest screen; the whole is printed when it is opened. */
const LINE_CHARACTERS = 300;

interface MessageProps {
  readonly topic: string;
  readonly message: ShownMessage;
}

function Message({ topic, message }: MessageProps) {
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
        {open && <Opened topic={topic} message={message} />}
      </details>
    </li>
  );
}

function Opened({ topic, message: { id, data } }: MessageProps) {
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
        {may('manage') && <a href={href('explain', [], { topic, id })}>Who got it?</a>}
      </p>
      <pre>{text}</pre>
    </div>
  );
}
