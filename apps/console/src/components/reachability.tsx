import { POLL_MS, pollError, polledAt } from '../state/installation.ts';
import { clock } from '../state/format.ts';
import { Icon } from './icon.tsx';
import { titleOf } from './states.tsx';

/** Says when what is shown is no longer fresh, and why. */
export function Reachability() {
  const error = pollError.value;
  const since = polledAt.value;
  return (
    <div role="status">
      {error && (
        <div class="banner">
          <Icon name="warn" />
          <p>
            <strong>{titleOf(error)}.</strong>{' '}
            {since !== null && `What is shown is of ${clock(since, { fraction: false })}. `}
            {`Asked again every ${POLL_MS / 1000} s.`}
          </p>
        </div>
      )}
    </div>
  );
}
