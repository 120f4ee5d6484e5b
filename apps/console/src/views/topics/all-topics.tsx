import { useEffect, useState } from 'preact/hooks';
import { type Topic, listTopics } from '../../api/topics.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { CurlLine } from '../../components/curl-line.tsx';
import { Ago } from '../../components/facts.tsx';
import { Field } from '../../components/field.tsx';
import { Icon } from '../../components/icon.tsx';
import { Page } from '../../components/page.tsx';
import { Empty, Failed, Loading } from '../../components/states.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { count, duration, timeOf } from '../../state/format.ts';
import { may } from '../../state/rights.ts';
import { go, href } from '../../state/router.ts';
import { usePages } from '../../state/use-pages.ts';
import { useSettled } from '../../state/use-settled.ts';
import { SettingsButton } from './settings-dialog.tsx';

const NO_PREFIX = /[^A-Za-z0-9_.-]/;

/** Finds topics by how their names begin, and creates them. */
export function AllTopics({ prefix }: { readonly prefix: string }) {
  const [typed, setTyped] = useState(prefix);
  const wanted = useSettled(typed.trim());
  const rule = NO_PREFIX.test(wanted) ? 'Names are of letters, digits, _ and - with dots between.' : null;
  const asked = rule === null ? wanted : prefix;
  // The address has it, so that a reload and a step back find the same.
  useEffect(() => {
    if (asked !== prefix) go(href('topics', [], { prefix: asked }), { replace: true });
  }, [asked]);
  // A link, or a step back, finds another.
  useEffect(() => {
    if (asked !== prefix) setTyped(prefix);
  }, [prefix]);
  const { pages, error, busy, more, reload } = usePages((cursor) => listTopics(asked, cursor));
  const topics = pages.flatMap((page) => page.topics);
  return (
    <Page
      title="Topics"
      about="A topic exists because it was created. Its messages are kept as long as its history says."
      actions={
        <SettingsButton
          action="Create a topic"
          lacks={may('manage') ? undefined : 'The key has no right to manage topics'}
          onDone={({ topic }) => go(href('topics', [topic]))}
        />
      }
    >
      <Card
        title={`Topics${asked === '' ? '' : ` from ${asked}`}`}
        flush
        actions={
          <div class="find">
            <Icon name="search" />
            <Field
              label="Find by the beginning of the name"
              unlabelled
              type="search"
              value={typed}
              onInput={setTyped}
              placeholder="Begins with, such as news."
              error={rule}
            />
          </div>
        }
      >
        {pages.length === 0 ? (
          error === null ? (
            <Loading rows={6} />
          ) : (
            <Failed error={error} onRetry={reload} />
          )
        ) : topics.length === 0 ? (
          <None prefix={asked} />
        ) : (
          <>
            {error && <p class="stale">{`Not up to date: ${error.message}`}</p>}
            <Table caption="Topics" columns={COLUMNS} rows={topics} keyOf={({ topic }) => topic} />
          </>
        )}
        {more !== null && (
          <p class="more">
            <Button onClick={more} busy={busy}>
              More
            </Button>
          </p>
        )}
      </Card>
      <CurlLine request={listTopics(asked)} />
    </Page>
  );
}

function None({ prefix }: { readonly prefix: string }) {
  return prefix === '' ? (
    <Empty title="There is no topic yet.">
      Create one here, or let publishing create them: <code>"create"</code> in the rights of a key.
    </Empty>
  ) : (
    <Empty title={`No topic begins with ${prefix}.`}>
      Capital letters count. A topic with an expiry is gone until it is used again.
    </Empty>
  );
}

const COLUMNS: readonly Column<Topic>[] = [
  {
    name: 'Topic',
    cell: ({ topic }) => (
      <a href={href('topics', [topic])} class="mono strong">
        {topic}
      </a>
    ),
  },
  { name: 'Changed', numeric: true, cell: ({ position }) => <Ago at={timeOf(position)} /> },
  { name: 'Keeps', numeric: true, cell: ({ history }) => keeps(history) },
  { name: 'Presence', secondary: true, cell: ({ presence }) => (presence === null ? 'no' : `by ${presence.by}`) },
  {
    name: 'Expires after',
    secondary: true,
    numeric: true,
    cell: ({ expireSeconds }) => (expireSeconds === null ? 'never' : duration(expireSeconds)),
  },
];

/** What a history holds at most. */
export function keeps({ size, seconds }: Topic['history']): string {
  return size === 0 ? 'nothing' : `${count(size)}, ${duration(seconds)}`;
}
