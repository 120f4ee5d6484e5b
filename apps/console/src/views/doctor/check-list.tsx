import type { Check } from '../../api/doctor.ts';
import { Icon } from '../../components/icon.tsx';

/** Checks with one outcome. Those that passed are one line each, and can be opened. */
export function CheckList({ checks }: { readonly checks: readonly Check[] }) {
  return (
    <ul class="checks">
      {checks.map((check) => (
        <li key={`${check.id} ${check.where ?? ''}`} class={`check ${check.status}`}>
          {check.status === 'ok' ? (
            <details>
              <summary>
                <Head check={check} />
              </summary>
              <p class="check-why">{check.why}</p>
            </details>
          ) : (
            <>
              <Head check={check} />
              <dl class="check-why">
                <dt>Why it matters</dt>
                <dd>{check.why}</dd>
                {check.do !== null && (
                  <>
                    <dt>What to do</dt>
                    <dd>{check.do}</dd>
                  </>
                )}
              </dl>
            </>
          )}
        </li>
      ))}
    </ul>
  );
}

function Head({ check: { id, status, seen, where } }: { readonly check: Check }) {
  return (
    <span class="check-head">
      <Icon name={status} />
      <span>
        <span class="unseen">{status}: </span>
        <span class="strong">{titleOf(id)}</span> <span>{seen}</span>{' '}
        {where !== null && <span class="hint">{where}</span>}
      </span>
    </span>
  );
}

/** `redis-version` as a title. */
function titleOf(id: string): string {
  const words = id.replaceAll('-', ' ');
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}
