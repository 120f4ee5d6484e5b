import { explain } from '../../api/explain.ts';
import { Card } from '../../components/card.tsx';
import { CurlLine } from '../../components/curl-line.tsx';
import { Page } from '../../components/page.tsx';
import { Answered, Empty } from '../../components/states.tsx';
import { href } from '../../state/router.ts';
import { useCall } from '../../state/use-call.ts';
import type { ViewProps } from '../view.ts';
import { Explained } from './explained.tsx';
import { type Asked, Question } from './question.tsx';

/** Why a client got a message, or did not: asked for by client, topic and id. */
export function Explain({ query }: ViewProps) {
  const { client = '', topic = '', id = '' } = query;
  const asked = { client, topic, id };
  return (
    <Page
      title="Explain"
      about="Why did this client get this message, or why did it not? The verdict rests on what is known, and never guesses."
    >
      <div class="explain">
        <Question key={JSON.stringify(asked)} asked={asked} />
        {client === '' || topic === '' || id === '' ? <NotAsked /> : <Answer asked={asked} />}
      </div>
    </Page>
  );
}

function NotAsked() {
  return (
    <Card title="Verdict">
      <Empty title="Name a client, a topic and a message.">
        The id of a message is in the answer to its publish, in the <a href={href('topics')}>history of its topic</a>{' '}
        and in what clients receive.
      </Empty>
    </Card>
  );
}

function Answer({ asked: { client, topic, id } }: { readonly asked: Asked }) {
  const request = explain(client, topic, id);
  const called = useCall(request);
  return (
    <div class="stack">
      <Answered called={called} rows={5}>
        {(explanation) => <Explained explanation={explanation} asked={{ client, topic, id }} onAgain={called.reload} />}
      </Answered>
      <CurlLine request={request} />
    </div>
  );
}
