import { useEffect } from 'preact/hooks';
import { Card } from '../components/card.tsx';
import { Page } from '../components/page.tsx';
import { href } from '../state/router.ts';
import { MethodBadge, Path } from './method.tsx';
import { type Call, type Problem, problemsOf } from './openapi.ts';

interface Answered extends Problem {
  readonly calls: Call[];
}

/** More calls than that have a problem because all have it. */
const MANY = 12;

/** Every code that a call may be refused with, and the calls that are. @param chosen the code that is looked for */
export function ProblemsPage({
  calls,
  chosen,
}: {
  readonly calls: readonly Call[];
  readonly chosen: string | undefined;
}) {
  const all = new Map<string, Answered>();
  for (const call of calls) {
    for (const [code, problem] of Object.entries(problemsOf(call))) {
      const known = all.get(code);
      if (known === undefined) all.set(code, { ...problem, calls: [call] });
      else known.calls.push(call);
    }
  }
  const listed = [...all].toSorted(
    ([one, { status }], [other, { status: otherStatus }]) =>
      Number(status) - Number(otherStatus) || one.localeCompare(other),
  );
  useEffect(() => {
    if (chosen !== undefined) document.getElementById(`problem-${chosen}`)?.scrollIntoView({ block: 'center' });
  }, [chosen]);
  return (
    <Page
      title="Problems"
      about="Whatever is refused is answered with application/problem+json (RFC 9457): a constant code, a title, and where it helps a detail, the topics, or every field that was wrong with its rule."
    >
      <Card title="Codes" about={`${listed.length}, by status`} flush>
        <ul class="problem-list tall">
          {listed.map(([code, { status, title, calls: of }]) => (
            <li key={code} id={`problem-${code}`} class={code === chosen ? 'chosen' : undefined}>
              <span class="badge plain">{status}</span>
              <div>
                <a href={href('problems', [code])} aria-current={code === chosen ? 'true' : undefined}>
                  <code>{code}</code>
                </a>{' '}
                <span class="hint">{title}</span>
                {of.length > MANY ? (
                  <p class="hint">{of.length} calls</p>
                ) : (
                  <ul class="call-links">
                    {of.map((call) => (
                      <li key={call.operationId}>
                        <a href={href('calls', [call.operationId])}>
                          <MethodBadge method={call.method} /> <Path path={call.path} />
                        </a>
                      </li>
                    ))}
                  </ul>
                )}
              </div>
            </li>
          ))}
        </ul>
      </Card>
    </Page>
  );
}
