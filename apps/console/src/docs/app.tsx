import { useEffect, useRef, useState } from 'preact/hooks';
import { Button } from '../components/button.tsx';
import { Page } from '../components/page.tsx';
import { Empty, Loading } from '../components/states.tsx';
import { Toasts } from '../components/toast.tsx';
import { go, href, route } from '../state/router.ts';
import { CallPage } from './call-page.tsx';
import { Navigation } from './navigation.tsx';
import { type Document, callsOf } from './openapi.ts';
import { ProblemsPage } from './problems-page.tsx';
import { StartPage } from './start-page.tsx';

interface Read {
  readonly document: Document;
  readonly hasConsole: boolean;
}

async function readJson(address: string): Promise<unknown> {
  const answer = await fetch(address, { headers: { accept: 'application/json' } });
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}`);
  return answer.json();
}

/** The document of this control-api, and whether it serves the console. */
async function read(): Promise<Read> {
  const [document, start] = await Promise.all([readJson('openapi.json'), readStart()]);
  return { document: document as Document, hasConsole: start?.links?.console !== undefined };
}

/** Null when `/` is another application, behind a proxy that serves this page beside it. */
async function readStart(): Promise<{ links?: { console?: string } } | null> {
  try {
    return (await readJson('./')) as { links?: { console?: string } } | null;
  } catch {
    return null;
  }
}

/** The page: all calls beside it, and one of them, or what they have in common. */
export function App() {
  const [answer, setAnswer] = useState<Read | 'failed' | null>(null);
  const load = (): void => {
    setAnswer(null);
    read().then(setAnswer, () => setAnswer('failed'));
  };
  useEffect(load, []);
  const { view, rest } = route.value;
  const known = ['start', 'calls', 'problems'].includes(view);
  useEffect(() => {
    if (!known) go(href('start'), { replace: true });
  }, [known]);
  useFocusOnHeading(view + rest.join('/'));
  if (answer === null) {
    return (
      <main id="main" aria-busy="true">
        <Page title="Holdfast API">
          <Loading rows={8} />
        </Page>
      </main>
    );
  }
  if (answer === 'failed') {
    return (
      <main id="main">
        <Page title="Holdfast API">
          <Empty title="control-api does not answer" action={<Button onClick={load}>Try again</Button>}>
            The page is made from its openapi.json, which could not be read.
          </Empty>
        </Page>
      </main>
    );
  }
  return <Shown {...answer} />;
}

function Shown({ document: api, hasConsole }: Read) {
  const { view, rest } = route.value;
  const calls = callsOf(api);
  const call = calls.find(({ operationId }) => operationId === rest[0]);
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
      <Navigation document={api} calls={calls} />
      <main id="main" tabIndex={-1}>
        {view === 'problems' && <ProblemsPage calls={calls} chosen={rest[0]} />}
        {view === 'start' && <StartPage document={api} calls={calls} hasConsole={hasConsole} />}
        {view === 'calls' && call !== undefined && <CallPage key={call.operationId} document={api} call={call} />}
        {view === 'calls' && call === undefined && (
          <Page title="No such call">
            <Empty title={`There is no call ${rest[0] ?? ''}`} action={<a href={href('start')}>All calls</a>} />
          </Page>
        )}
      </main>
      <Toasts />
    </>
  );
}

/** After a step its heading has the focus, so that screen readers begin there. */
function useFocusOnHeading(where: string): void {
  const before = useRef(where);
  useEffect(() => {
    if (before.current !== where && before.current !== '') {
      document.getElementById('title')?.focus({ preventScroll: true });
      if (!where.startsWith('problems')) scrollTo(0, 0);
    }
    before.current = where;
  }, [where]);
}
