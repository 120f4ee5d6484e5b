import { useEffect, useState } from 'preact/hooks';
import { Icon } from '../components/icon.tsx';
import { href, route } from '../state/router.ts';
import { KeyInUse } from './key-card.tsx';
import { MethodBadge, Path } from './method.tsx';
import { type Call, type Document, callsWith } from './openapi.ts';
import { titleOf } from './start-page.tsx';

/** All calls by group, filtered by words; a bar at the top on a narrow screen. */
export function Navigation({ document, calls }: { readonly document: Document; readonly calls: readonly Call[] }) {
  const [open, setOpen] = useState(false);
  const [filter, setFilter] = useState('');
  const here = route.value;
  // A step to another call closes it.
  useEffect(() => setOpen(false), [here]);
  const found = callsWith(calls, filter);
  return (
    <header class={open ? 'side open' : 'side'}>
      <div class="side-head">
        <a class="brand" href={href('start')}>
          <img src="docs/icon.svg" alt="" width="22" height="22" />
          Holdfast API
        </a>
        <button type="button" class="menu" aria-expanded={open} aria-controls="calls" onClick={() => setOpen(!open)}>
          <Icon name={open ? 'close' : 'menu'} />
          <span>Calls</span>
        </button>
      </div>
      <div class="side-body" id="calls">
        <div class="find">
          <Icon name="search" />
          <label for="filter" class="unseen">
            Filter calls
          </label>
          <input
            id="filter"
            class="input"
            type="search"
            placeholder="Filter calls"
            autocomplete="off"
            value={filter}
            onInput={({ currentTarget }) => setFilter(currentTarget.value)}
          />
        </div>
        <p class="unseen" role="status">
          {filter === '' ? '' : `${found.length} of ${calls.length} calls`}
        </p>
        <nav aria-label="Calls">
          <ul>
            <li>
              <a href={href('start')} aria-current={here.view === 'start' ? 'page' : undefined}>
                How to call
              </a>
            </li>
            <li>
              <a href={href('problems')} aria-current={here.view === 'problems' ? 'page' : undefined}>
                Problems
              </a>
            </li>
          </ul>
          {document.tags.map(({ name }) => (
            <Group
              key={name}
              tag={name}
              calls={found.filter(({ tags }) => tags?.includes(name))}
              current={here.rest[0]}
            />
          ))}
          {found.length === 0 && <p class="hint nothing">No call has “{filter}”.</p>}
        </nav>
        <div class="side-foot">
          <KeyInUse />
        </div>
      </div>
    </header>
  );
}

interface GroupProps {
  readonly tag: string;
  readonly calls: readonly Call[];
  readonly current: string | undefined;
}

function Group({ tag, calls, current }: GroupProps) {
  if (calls.length === 0) return null;
  return (
    <div class="group">
      <h2 id={`group-${tag}`}>{titleOf(tag)}</h2>
      <ul aria-labelledby={`group-${tag}`}>
        {calls.map(({ operationId, method, path, summary }) => (
          <li key={operationId}>
            <a
              href={href('calls', [operationId])}
              title={summary}
              aria-current={operationId === current ? 'page' : undefined}
            >
              <MethodBadge method={method} />
              <Path path={path.replace(/^\/v1/, '')} />
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}
