import { useEffect, useState } from 'preact/hooks';
import { Button } from './components/button.tsx';
import { Icon } from './components/icon.tsx';
import { may } from './state/rights.ts';
import { href, route } from './state/router.ts';
import { leave, ownKey } from './state/session.ts';
import { VIEWS } from './views/views.ts';

/** All views; a bar at the top on a narrow screen. */
export function Navigation({ current }: { readonly current: string }) {
  const [open, setOpen] = useState(false);
  const here = route.value;
  // A step to another view closes it.
  useEffect(() => setOpen(false), [here]);
  const key = ownKey.value;
  return (
    <header class={open ? 'side open' : 'side'}>
      <div class="side-head">
        <a class="brand" href={href('overview')}>
          <img src="console/icon.svg" alt="" width="22" height="22" />
          Holdfast
        </a>
        <button type="button" class="menu" aria-expanded={open} aria-controls="views" onClick={() => setOpen(!open)}>
          <Icon name={open ? 'close' : 'menu'} />
          <span>{VIEWS.find(({ name }) => name === current)?.title ?? 'Views'}</span>
        </button>
      </div>
      <div class="side-body" id="views">
        <nav aria-label="Views">
          <ul>
            {VIEWS.map(({ name, title, icon, needs }) => (
              <li key={name}>
                <a href={href(name)} aria-current={name === current ? 'page' : undefined}>
                  <Icon name={icon} />
                  {title}
                  {needs !== null && !may(needs) && (
                    <span class="locked">
                      <Icon name="lock" />
                      <span class="unseen">(not with this key)</span>
                    </span>
                  )}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <div class="side-foot">
          <p>
            <span class="hint">API key</span>
            <span class="mono">{key?.id}</span>
          </p>
          <Button kind="quiet" onClick={() => leave()}>
            Forget it
          </Button>
        </div>
      </div>
    </header>
  );
}
