import { useEffect, useRef } from 'preact/hooks';
import { Navigation } from './navigation.tsx';
import { OtherKey } from './other-key.tsx';
import { SignIn } from './sign-in.tsx';
import { Lacks } from './components/states.tsx';
import { Page } from './components/page.tsx';
import { Reachability } from './components/reachability.tsx';
import { Toasts } from './components/toast.tsx';
import { startPolling } from './state/installation.ts';
import { may } from './state/rights.ts';
import { go, href, route } from './state/router.ts';
import { session } from './state/session.ts';
import { VIEWS } from './views/views.ts';

/** The page: the question for a key, or navigation and a view. */
export function App() {
  const { value: current } = session;
  // For the moment in which a reload looks at its key nothing is shown that would be gone with the next.
  if (current.state === 'checking' && current.resumed) return <main id="main" aria-busy="true" />;
  if (current.state !== 'in') return <SignIn session={current} />;
  return <Console />;
}

function Console() {
  const manages = may('manage');
  useEffect(() => (manages ? startPolling() : undefined), [manages]);
  const { view: name, rest, query } = route.value;
  const view = VIEWS.find((known) => known.name === name);
  const first = manages ? 'overview' : 'topics';
  useEffect(() => {
    if (view === undefined) go(href(first), { replace: true });
  }, [view, first]);
  useFocusOnHeading(name + rest.join('/'));
  const Shown = view?.show;
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById('main')?.focus();
        }}
      >
        Skip to the content
      </a>
      <Navigation current={name} />
      <main id="main" tabIndex={-1}>
        <Reachability />
        {view && view.needs !== null && !may(view.needs) ? (
          <Page title={view.title}>
            <Lacks right={view.needs} what="this view" />
          </Page>
        ) : (
          Shown && <Shown key={name} rest={rest} query={query} />
        )}
      </main>
      <OtherKey />
      <Toasts />
    </>
  );
}

/** After a step to another view its heading has the focus, so that screen readers begin there. */
function useFocusOnHeading(where: string): void {
  const before = useRef(where);
  useEffect(() => {
    if (before.current !== where && before.current !== '') {
      document.getElementById('title')?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    before.current = where;
  }, [where]);
}
