import { useEffect, useRef, useState } from 'preact/hooks';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { CurlLine } from '../../components/curl-line.tsx';
import { Badge } from '../../components/facts.tsx';
import { Field } from '../../components/field.tsx';
import { Icon } from '../../components/icon.tsx';
import { Empty, Failed } from '../../components/states.tsx';
import { registerWatcher } from '../../api/clients.ts';
import { count } from '../../state/format.ts';
import { edges } from '../../state/installation.ts';
import { may, mayOn } from '../../state/rights.ts';
import { MessageList } from './message-list.tsx';
import { type ShownMessage, contains } from './shown-message.ts';
import { type WatchState, watch } from './watch.ts';

/** Messages that are kept in the page; older ones make room. */
const KEPT = 500;
/** Between two drawings: messages may come faster than they can be read. */
const DRAW_MS = 150;

/** What arrives on a topic, as its clients get it, the newest first. */
export function Live({ topic }: { readonly topic: string }) {
  if (may('register') && mayOn('subscribe', topic)) return <Watch topic={topic} />;
  return (
    <Card title="Live">
      <Empty title="This key may not watch the topic.">
        Watching registers a client and subscribes it: the key needs <code>"register": true</code>, and the topic in{' '}
        <code>"subscribe"</code>.
      </Empty>
    </Card>
  );
}

function Watch({ topic }: { readonly topic: string }) {
  const { request, state, messages, received, losses, paused, setPaused, clear, again } = useWatch(topic);
  const [filter, setFilter] = useState('');
  const shown = messages.filter((message) => contains(message, filter));
  return (
    <Card
      title="Live"
      about={<Connection state={state} />}
      flush
      actions={
        <>
          <Button pressed={paused} onClick={() => setPaused(!paused)}>
            Pause
          </Button>
          <Button onClick={clear}>Clear</Button>
        </>
      }
    >
      <div class="toolbar">
        <div class="find">
          <Icon name="search" />
          <Field
            label="Only messages with this text"
            unlabelled
            type="search"
            value={filter}
            onInput={setFilter}
            placeholder="Only with this text"
          />
        </div>
        <p class="hint">
          {count(received)} received{filter !== '' && `, ${count(shown.length)} shown`}
          {paused && ', paused: newer ones wait'}
        </p>
      </div>
      {losses > 0 && (
        <p class="stale">
          {losses === 1 ? 'A gap was announced' : `${losses} gaps were announced`}: messages that the history had let go
          while the connection was away.
        </p>
      )}
      <Trouble state={state} onAgain={again} />
      {shown.length > 0 ? (
        <MessageList topic={topic} label={`Messages of ${topic}, the newest first`} messages={shown} />
      ) : (
        state.kind === 'live' && (
          <Empty title={messages.length === 0 ? 'Nothing has arrived yet.' : 'No message has this text.'}>
            {messages.length === 0 && 'The connection is open. Publish a message, and it appears here.'}
          </Empty>
        )
      )}
      <CurlLine request={request} />
    </Card>
  );
}

function Connection({ state }: { readonly state: WatchState }) {
  const word = {
    registering: <Badge kind="plain">Registering</Badge>,
    connecting: <Badge kind="plain">Connecting</Badge>,
    live: <Badge kind="ok">Live</Badge>,
    waiting: <Badge kind="warn">Connecting again</Badge>,
    ended: <Badge kind="fail">Ended</Badge>,
    failed: <Badge kind="fail">Failed</Badge>,
  }[state.kind];
  return (
    <span role="status" class="row">
      {word}
      {state.kind === 'live' && <span class="mono">{new URL(state.url).host}</span>}
    </span>
  );
}

/** Why nothing arrives, and what to do. */
function Trouble({ state, onAgain }: { readonly state: WatchState; readonly onAgain: () => void }) {
  if (state.kind === 'failed') return <Failed error={state.error} onRetry={onAgain} />;
  if (state.kind === 'ended') {
    return (
      <Empty
        title={ENDS[state.closed.reason] ?? 'The connection has ended.'}
        action={<Button onClick={onAgain}>Watch again</Button>}
      />
    );
  }
  if (state.kind !== 'waiting' || state.everLive) return null;
  const listed = edges.value?.some(({ url, origins }) => origins === 'listed' && state.url.startsWith(url)) ?? false;
  return (
    <Empty title={`The edge at ${state.url} does not let this page connect.`}>
      <p>
        {listed
          ? 'It takes pages of listed origins only.'
          : 'It cannot be reached from here, or it refuses the origin of this page.'}{' '}
        Where <code>EDGE_ALLOWED_ORIGINS</code> is set, it has to name <code>{location.origin}</code>. The address must
        be one that this browser reaches: <code>EDGE_ADVERTISE_URL</code>, with <code>wss:</code> where this page has{' '}
        <code>https:</code>.
      </p>
    </Empty>
  );
}

const ENDS: Readonly<Record<string, string>> = {
  disconnected: 'An operator disconnected it.',
  replaced: 'Another connection took its place.',
  unregistered: 'Its registration is gone.',
};

function useWatch(topic: string) {
  const [state, setState] = useState<WatchState>({ kind: 'registering' });
  const [request, setRequest] = useState(() => registerWatcher(topic));
  const [paused, setPaused] = useState(false);
  const [, draw] = useState(0);
  const kept = useRef({ messages: [] as readonly ShownMessage[], held: [] as ShownMessage[], received: 0, losses: 0 });
  const isPaused = useRef(paused);
  isPaused.current = paused;

  useEffect(() => {
    const { current: all } = kept;
    const stop = watch(topic, request, {
      onState: setState,
      onMessage: (message) => {
        all.received++;
        all.held.unshift(message);
        all.held.length = Math.min(all.held.length, KEPT);
      },
      onLost: () => all.losses++,
    });
    const timer = setInterval(() => {
      if (isPaused.current || all.held.length === 0) {
        if (isPaused.current) draw((n) => n + 1);
        return;
      }
      all.messages = [...all.held, ...all.messages].slice(0, KEPT);
      all.held = [];
      draw((n) => n + 1);
    }, DRAW_MS);
    return () => {
      stop();
      clearInterval(timer);
    };
  }, [topic, request]);

  const clear = (): void => {
    kept.current.messages = [];
    kept.current.held = [];
    draw((n) => n + 1);
  };
  const { messages, received, losses } = kept.current;
  const again = (): void => setRequest(registerWatcher(topic));
  return { request, state, messages, received, losses, paused, setPaused, clear, again };
}
