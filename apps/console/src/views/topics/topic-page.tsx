import { deleteTopic, readTopic } from '../../api/topics.ts';
import { Card } from '../../components/card.tsx';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { Facts, Id } from '../../components/facts.tsx';
import { Page } from '../../components/page.tsx';
import { Answered } from '../../components/states.tsx';
import { toast } from '../../components/toast.tsx';
import { count, duration, timeOf } from '../../state/format.ts';
import { mayOn } from '../../state/rights.ts';
import { go, href } from '../../state/router.ts';
import { useCall } from '../../state/use-call.ts';
import { keeps } from './all-topics.tsx';
import { History } from './history.tsx';
import { Live } from './live.tsx';
import { Members } from './members.tsx';
import { PublishCard } from './publish-card.tsx';
import { SettingsButton } from './settings-dialog.tsx';

const FRESH_MS = 5_000;

const TABS = [
  ['history', 'History'],
  ['live', 'Watch live'],
] as const;

/** One topic: its messages, kept and live, and who gets them. */
export function TopicPage({ topic, tab = 'history' }: { readonly topic: string; readonly tab: string | undefined }) {
  const called = useCall(readTopic(topic), { every: FRESH_MS });
  const { data, reload } = called;
  const lacks = mayOn('manage', topic) ? undefined : `The key has no right to manage ${topic}`;
  return (
    <Page
      title={topic}
      above={{ title: 'Topics', href: href('topics') }}
      actions={
        data && (
          <>
            <SettingsButton action="Settings" topic={data} lacks={lacks} onDone={reload} />
            <ConfirmButton
              action="Delete"
              label={`Delete ${topic}`}
              question={`Delete ${topic}?`}
              request={deleteTopic(topic)}
              lacks={lacks}
              onDone={() => {
                toast(`Deleted ${topic}`);
                go(href('topics'));
              }}
            >
              <p>
                Its history is deleted with it. {subscribed(data.subscribers)} <code>unsubscribed</code> with the reason{' '}
                <code>topic-deleted</code>.
              </p>
            </ConfirmButton>
          </>
        )
      }
    >
      <Card title="Topic">
        <Answered called={called} rows={2}>
          {({ position, subscribers, present, presence, history, expireSeconds }) => (
            <Facts
              facts={[
                ['Subscribers connected', subscribers === null ? 'an edge did not say' : count(subscribers)],
                ['Present', presence === null ? 'presence is off' : count(present)],
                ['Last position', <Id key="position">{position}</Id>],
                ['Changed', <span key="changed">{duration((Date.now() - timeOf(position)) / 1000, 1)} ago</span>],
                ['Keeps', keeps(history)],
                ['Expires when unused for', expireSeconds === null ? 'never' : duration(expireSeconds)],
              ]}
            />
          )}
        </Answered>
      </Card>
      {data && (
        <div class="columns">
          <div class="stack">
            <nav class="tabs" aria-label="Messages">
              {TABS.map(([name, title]) => (
                <a
                  key={name}
                  href={href('topics', [topic], { tab: name === 'history' ? undefined : name })}
                  aria-current={name === tab ? 'page' : undefined}
                >
                  {title}
                </a>
              ))}
            </nav>
            {tab === 'live' ? <Live topic={topic} /> : <History topic={topic} />}
          </div>
          <div class="stack">
            <PublishCard topic={topic} />
            <Members topic={topic} presence={data.presence} />
          </div>
        </div>
      )}
    </Page>
  );
}

function subscribed(subscribers: number | null): string {
  if (subscribers === null) return 'Connected subscribers get';
  if (subscribers === 0) return 'Nobody is connected to it; subscribers get';
  return subscribers === 1
    ? 'Its one connected subscriber gets'
    : `Its ${count(subscribers)} connected subscribers get`;
}
