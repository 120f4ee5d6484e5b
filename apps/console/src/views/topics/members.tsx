import { type PresencePage, type Topic, readPresence } from '../../api/topics.ts';
import { Card } from '../../components/card.tsx';
import { CurlLine } from '../../components/curl-line.tsx';
import { Answered, Empty } from '../../components/states.tsx';
import { printed } from '../../state/exact-json.ts';
import { count } from '../../state/format.ts';
import { mayOn } from '../../state/rights.ts';
import { useCall } from '../../state/use-call.ts';

const FRESH_MS = 5_000;

/** Who is present on a topic. */
export function Members({ topic, presence }: { readonly topic: string; readonly presence: Topic['presence'] }) {
  const allowed = mayOn('presence', topic);
  const called = useCall(presence !== null && allowed ? readPresence(topic) : null, { every: FRESH_MS });
  return (
    <Card title="Who is here" {...(called.data === undefined ? {} : { about: count(called.data.count) })}>
      {presence === null ? (
        <Empty title="Presence is off.">
          Switch it on in the settings: then the topic knows who is connected to it.
        </Empty>
      ) : allowed ? (
        <div class="form">
          <Answered called={called}>{(page) => <MemberList page={page} />}</Answered>
          <CurlLine request={readPresence(topic)} />
        </div>
      ) : (
        <Empty title="This key may not see who is here.">
          It needs the topic in <code>"presence"</code> of its rights.
        </Empty>
      )}
    </Card>
  );
}

function MemberList({ page: { count: present, members } }: { readonly page: PresencePage }) {
  if (present === 0) return <Empty title="Nobody is here.">Nobody is connected and subscribed.</Empty>;
  if (members.length === 0) return <p>{count(present)} are here; the topic shows only their number.</p>;
  return (
    <>
      <ul class="members">
        {members.map(({ id, info }) => (
          <li key={id}>
            <span class={id.startsWith('~') ? 'mono' : 'strong'}>{id}</span>
            {info !== null && <code class="hint">{printed(info)}</code>}
          </li>
        ))}
      </ul>
      {present > members.length && <p class="hint">and {count(present - members.length)} more</p>}
    </>
  );
}
