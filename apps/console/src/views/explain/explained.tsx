import { type Explanation, type Finding } from '../../api/explain.ts';
import { Button } from '../../components/button.tsx';
import { Card } from '../../components/card.tsx';
import { Id } from '../../components/facts.tsx';
import { Icon } from '../../components/icon.tsx';
import { Empty } from '../../components/states.tsx';
import { clock, date } from '../../state/format.ts';
import { href } from '../../state/router.ts';
import type { Asked } from './question.tsx';
import { VERDICTS } from './verdicts.ts';

interface ExplainedProps {
  readonly asked: Asked;
  readonly explanation: Explanation;
  readonly onAgain: () => void;
}

/** The verdict in words, and what it rests on. */
export function Explained({ asked: { client, topic }, explanation: { verdict, evidence }, onAgain }: ExplainedProps) {
  const { kind, title, means, do: advice } = VERDICTS[verdict] ?? VERDICTS.unknown;
  return (
    <>
      <Card
        title="Verdict"
        about={<Id>{verdict}</Id>}
        actions={
          <Button kind="quiet" onClick={onAgain}>
            Ask again
          </Button>
        }
      >
        <div class={`verdict ${kind}`} role="status">
          <Icon name={kind} />
          <div class="stack">
            <p class="verdict-title">{title}</p>
            <p>{means}</p>
            <p>
              <strong>What to do</strong> {advice}
            </p>
            <p class="row">
              <a href={href('clients', [client])}>The client</a>
              {!topic.startsWith('@') && <a href={href('topics', [topic])}>The topic</a>}
            </p>
          </div>
        </div>
      </Card>
      <Card title="Evidence" about="In order">
        {evidence.length === 0 ? (
          <Empty title="None was needed." />
        ) : (
          <ol class="timeline">
            {evidence.map((finding) => (
              <Evidence key={`${finding.at} ${finding.text}`} finding={finding} />
            ))}
          </ol>
        )}
      </Card>
    </>
  );
}

function Evidence({ finding: { at, source, text } }: { readonly finding: Finding }) {
  const ms = at === null ? null : Date.parse(at);
  return (
    <li>
      {ms === null ? (
        <span class="hint">now</span>
      ) : (
        <time dateTime={at ?? undefined} title={date(ms)}>
          {clock(ms)}
          <span class="hint">{date(ms).slice(0, 10)}</span>
        </time>
      )}
      <div>
        <span class="timeline-source">{source}</span>
        <p>{text}</p>
      </div>
    </li>
  );
}
